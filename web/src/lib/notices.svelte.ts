/** What is said in passing, and what is offered: shown by `parts/Notices.svelte`, on every page. */

interface InstallPrompt extends Event {
  prompt(): Promise<unknown>;
}

class Notices {
  said = $state("");
  update: (() => void) | null = $state.raw(null);
  unknownToken = $state(false);
  installable: InstallPrompt | null = $state.raw(null);
  private timer: ReturnType<typeof setTimeout> | undefined;

  say(words: string): void {
    clearTimeout(this.timer);
    this.said = words;
    this.timer = setTimeout(() => (this.said = ""), 4_000);
  }
}

export const notices = new Notices();

addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  notices.installable = event as InstallPrompt;
});
addEventListener("appinstalled", () => (notices.installable = null));
