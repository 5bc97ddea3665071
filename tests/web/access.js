// What the tests of access ask of a page. Read into the page by `tests/web/states.py`; each function is called by name.

globalThis.access = (() => {
  const CONTROLS = "button, a[href], input, select, textarea, summary, [role=button]";

  /** What can be seen and used now: where something lies over the page, that is it. */
  function root() {
    return [...document.querySelectorAll("dialog[open], .feedback")].at(-1) ?? document.body;
  }

  function seen(node) {
    const { width, height } = node.getBoundingClientRect();
    return width > 0 && height > 0 && !node.closest("[inert]") && node.checkVisibility({ checkVisibilityCSS: true });
  }

  function controls() {
    return [...root().querySelectorAll(CONTROLS)].filter((each) => seen(each) && !each.matches(".skip:not(:focus)"));
  }

  function named(node) {
    const words = node.getAttribute("aria-label") ?? node.textContent;
    return `${node.localName} ${node.getAttribute("class") ?? ""} "${words.trim().replace(/\s+/g, " ").slice(0, 40)}"`;
  }

  /** A link in the middle of a sentence is as high as its line. */
  function inText(node) {
    return node.localName === "a" && getComputedStyle(node).display === "inline" && node.closest("p, li, dd, .prose") !== null;
  }

  function small(least) {
    return controls()
      .filter((each) => !inText(each))
      .map((each) => [each, each.getBoundingClientRect()])
      .filter(([, box]) => box.width < least - 0.01 || box.height < least - 0.01)
      .map(([each, box]) => `${named(each)} is ${Math.round(box.width)} x ${Math.round(box.height)}`);
  }

  function scrolls(node, way) {
    return /auto|scroll/.test(getComputedStyle(node)[way]);
  }

  /** Whether something is inside a box that is meant to be scrolled sideways: a table, a row of days. */
  function besideScroller(node) {
    for (let each = node; each && each !== document.body; each = each.parentElement) {
      if (scrolls(each, "overflowX") && each.scrollWidth > each.clientWidth && !each.matches("main, dialog, .swipe")) return true;
    }
    return false;
  }

  function hasText(node) {
    return [...node.childNodes].some((each) => each.nodeType === Node.TEXT_NODE && each.data.trim() !== "");
  }

  /** Text that runs out of the screen at a side, or out of the box that holds it. */
  function cutOff() {
    const found = [];
    const across = document.documentElement.clientWidth;
    for (const node of root().querySelectorAll("*")) {
      if (!seen(node) || !hasText(node) || node.closest(".unseen, .stamp, .skip, canvas, svg")) continue;
      const box = node.getBoundingClientRect();
      if ((box.left < -1 || box.right > across + 1) && !besideScroller(node)) found.push(`${named(node)} leaves the screen`);
      if (node.localName === "select") continue;
      const inline = getComputedStyle(node).display === "inline";
      if (!inline && node.scrollWidth > node.clientWidth + 1 && !scrolls(node, "overflowX")) found.push(`${named(node)} is too narrow`);
      if (!inline && node.scrollHeight > node.clientHeight + parseFloat(getComputedStyle(node).fontSize) / 2 && !scrolls(node, "overflowY")) found.push(`${named(node)} is too low`);
    }
    return found;
  }

  /** Boxes that have to be scrolled sideways to be read. */
  function wide() {
    return [document.documentElement, ...document.querySelectorAll("main, dialog[open], .swipe, .feedback, .dry")]
      .filter((each) => each.scrollWidth > each.clientWidth + 1)
      .map((each) => `${each.localName}.${each.className} is ${each.scrollWidth} wide in ${each.clientWidth}`);
  }

  /** What stays hidden behind something else, wherever one scrolls to. */
  function covered() {
    const wanted = [...controls(), ...root().querySelectorAll("h1, h2, .answers span")].filter(seen);
    return wanted.flatMap((each) => {
      if (each.closest(".unseen") || each.matches(".unseen")) return [];
      each.scrollIntoView({ block: "center", inline: "center" });
      const box = each.getBoundingClientRect();
      const [x, y] = [box.left + box.width / 2, box.top + Math.min(box.height / 2, innerHeight / 2)];
      const there = document.elementFromPoint(x, y);
      return there && (each.contains(there) || there.contains(each) || there.closest("label")?.contains(each)) ? [] : [`${named(each)} is behind ${there ? named(there) : "the edge of the screen"}`];
    });
  }

  /** Controls that lie one upon the other. */
  function overlaps() {
    document.querySelectorAll("dialog[open], .swipe, html").forEach((each) => each.scrollTo(0, 0));
    const all = controls().filter((each) => !each.closest(".card, .feedback"));
    const apart = (one, other) => one.right <= other.left + 1 || other.right <= one.left + 1 || one.bottom <= other.top + 1 || other.bottom <= one.top + 1;
    return all.flatMap((one, index) =>
      all
        .slice(index + 1)
        .filter((other) => !one.contains(other) && !apart(one.getBoundingClientRect(), other.getBoundingClientRect()))
        .map((other) => `${named(one)} lies upon ${named(other)}`),
    );
  }

  /** Show the page otherwise, as another tab's settings would. */
  function set(changes) {
    const key = "chaffinch settings";
    localStorage.setItem(key, JSON.stringify({ ...JSON.parse(localStorage.getItem(key) ?? "{}"), ...changes }));
    dispatchEvent(new StorageEvent("storage", { key }));
  }

  async function axe(rules) {
    const only = rules ?? { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] };
    const { violations } = await globalThis.axe.run(document, { runOnly: only, resultTypes: ["violations"] });
    return violations.flatMap((each) => each.nodes.map((node) => `${each.id} (${each.impact}): ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`));
  }

  return { axe, controls, covered, cutOff, named, overlaps, set, small, wide };
})();
