"""Why something could not be fetched: one class per situation, each with the problem and what would be right.

This module knows no HTTP library, so that services may name what goes wrong.
"""


class FetchError(Exception):
    """Something that keeps an address from being fetched."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem = problem
        self.remedy = remedy


class WrongAddressError(FetchError):
    """The text is no address of the web."""

    def __init__(self, why: str) -> None:
        super().__init__(f"is no address that can be fetched ({why})", "give one like https://example.org/picture.jpg")


class PrivateHostError(FetchError):
    """The host is in a network that is not public."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"{host} is not a public address",
            "put the pictures where anybody can fetch them, or set CHAFFINCH_PRIVATE_ADDRESSES=true in a network of "
            "your own",
        )
        self.host = host


class RedirectedError(FetchError):
    """The address points to another one."""

    def __init__(self, status: int, target: str) -> None:
        super().__init__(f"the answer is {status}, a redirect to {target or 'nowhere'}", "give the final address")
        self.status = status
        self.target = target


class WrongAnswerError(FetchError):
    """The answer is not 200."""

    def __init__(self, status: int, attempts: int) -> None:
        often = f", {attempts} times" if attempts > 1 else ""
        remedy = "try again later" if status == 429 or status >= 500 else "open the address in a browser to see why"
        super().__init__(f"the answer is {status}{often}", remedy)
        self.status = status


class EncodedAnswerError(FetchError):
    """The content is packed for the way, though it was asked for as it is."""

    def __init__(self, encoding: str) -> None:
        super().__init__(f"the content is packed ({encoding})", "let the server send the file as it is")
        self.encoding = encoding


class TooManyBytesError(FetchError):
    """The file is larger than what is taken."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"the file has more than {limit_bytes:,} bytes", f"at most {limit_bytes:,} are accepted")
        self.limit_bytes = limit_bytes


class TooSlowError(FetchError):
    """The file comes so slowly that it is not waited for."""

    def __init__(self, received_bytes: int, seconds: float) -> None:
        super().__init__(
            f"only {received_bytes:,} bytes came in {seconds:.0f} s", "try again when the server or the line is faster"
        )
        self.received_bytes = received_bytes
        self.seconds = seconds


class UnreachableError(FetchError):
    """No complete answer came."""

    def __init__(self, why: str, attempts: int) -> None:
        often = f" {attempts} times" if attempts > 1 else ""
        super().__init__(f"could not be fetched{often} ({why})", "check the address, or try again later")
        self.why = why
        self.attempts = attempts


class ProviderError(Exception):
    """A provider of logins that cannot be asked, or says what cannot be believed; for the log of who runs this."""


class ProviderSilentError(ProviderError):
    """It does not answer, or with rubbish: the same may succeed later."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(f"{address}: {why}")
        self.address = address
        self.why = why


class ProviderDisbelievedError(ProviderError):
    """It answers, but what it says proves nobody."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
