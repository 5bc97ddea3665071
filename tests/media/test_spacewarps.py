"""Real images of gravitational lenses, where the shared data lies beside the checkout."""

from pathlib import Path

import pytest

from api.media.images import PreparedImage
from api.media.pool import ImagePool
from api.media.storage import Place
from api.media.wanted import plain

IMAGES = Path(__file__).parents[2].parent / "shared" / "data" / "subjects" / "spacewarps_images"


@pytest.mark.skipif(not IMAGES.is_dir(), reason="the shared data is not beside this checkout")
async def test_the_images_of_space_warps_are_all_good(tmp_path: Path) -> None:
    sources = sorted(IMAGES.glob("*.jpg"))[::8]

    async with ImagePool(Place(tmp_path), processes=2) as pool:
        outcomes = [outcomes[0] async for _, outcomes in pool.prepare((path, [plain(path)]) for path in sources)]

    images = [outcome for outcome in outcomes if isinstance(outcome, PreparedImage)]
    assert len(images) == len(sources) >= 40
    assert {image.mime for image in images} == {"image/jpeg"}
    assert all(image.variants[-1].width == image.width for image in images)
