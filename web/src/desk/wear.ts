/** Puts styles on the page that came with the desk's code: as the page's policy has it, without an element. */

import shared from "./desk.css?inline";

export function wear(css: string): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  document.adoptedStyleSheets.push(sheet);
}

wear(shared); // before those of any component, which may differ from it
