/** How pictures are lit and arranged in this sitting: it stays from card to card, and nobody else is told. */

class Looks {
  brightness = $state(1);
  contrast = $state(1);
  inverted = $state(false);
  beside = $state(false);
  blinking = $state(false);

  readonly filter = $derived(
    this.plain ? "none" : `brightness(${this.brightness}) contrast(${this.contrast})${this.inverted ? " invert(1)" : ""}`,
  );

  get plain(): boolean {
    return this.brightness === 1 && this.contrast === 1 && !this.inverted;
  }

  reset(): void {
    this.brightness = 1;
    this.contrast = 1;
    this.inverted = false;
  }
}

export const looks = new Looks();
