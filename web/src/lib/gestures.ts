/**
 * What fingers do on a card: one moves it, two zoom, two quick taps zoom in and out, and on a zoomed picture one looks
 * around. A second finger ends a swipe that has begun: nobody answers by accident while zooming.
 */

import type { Answer } from "./types";

/** How a picture is looked at: `x` and `y` are CSS pixels by which its middle is moved. */
export interface View {
  scale: number;
  x: number;
  y: number;
}

export const WHOLE: View = { scale: 1, x: 0, y: 0 };

const CLOSEST = 10;
const HAIR = 1.1;
const DOUBLE_TAP_SCALE = 2.5;
const DOUBLE_TAP_MS = 320;
const SLOP_PX = 8;
const NEAR_PX = 32;

/** Shares of the card's size that a finger has to travel, or the speed in px/ms that will do instead. */
const FAR = { across: 0.28, up: 0.22 };
const FAST = 0.55;
const FAST_LEAST_PX = 44;

/** Return the answer that a card at this place would give if it were let go, or null where it would snap back. */
export function answerAt(dx: number, dy: number, width: number, height: number, speedX = 0, speedY = 0): Answer | null {
  if (-dy > Math.abs(dx) * 1.2) {
    const flicked = -speedY > FAST && -dy > FAST_LEAST_PX;
    return -dy > height * FAR.up || flicked ? "unsure" : null;
  }
  const flicked = Math.abs(speedX) > FAST && Math.abs(dx) > FAST_LEAST_PX && Math.sign(speedX) === Math.sign(dx);
  if (Math.abs(dx) <= width * FAR.across && !flicked) return null;
  return dx > 0 ? "yes" : "no";
}

export interface Handlers {
  drag(dx: number, dy: number): void;
  drop(dx: number, dy: number, speedX: number, speedY: number): void;
  cancel(): void;
  view(view: View): void;
}

interface Point {
  x: number;
  y: number;
}

type Mode = "idle" | "drag" | "pan" | "pinch";

export function clamped(view: View, width: number, height: number): View {
  const scale = Math.min(Math.max(view.scale, 1), CLOSEST);
  const [roomX, roomY] = [(width * (scale - 1)) / 2, (height * (scale - 1)) / 2];
  const within = (value: number, room: number) => Math.min(Math.max(value, -room), room);
  return { scale, x: within(view.x, roomX), y: within(view.y, roomY) };
}

/** Scale a view while what lies under a point (from the middle) stays there. */
export function zoomedAt(view: View, scale: number, point: Point): View {
  const ratio = scale / view.scale;
  return { scale, x: point.x - (point.x - view.x) * ratio, y: point.y - (point.y - view.y) * ratio };
}

/** Watches the pointers over one card. `view()` is asked for the present view; `enabled()` whether swipes count. */
export class Gestures {
  private readonly pointers = new Map<number, Point>();
  private mode: Mode = "idle";
  private start: Point = { x: 0, y: 0 };
  private startView: View = WHOLE;
  private spread = 1;
  private lastTap = { at: -Infinity, x: 0, y: 0 };
  private trail: { at: number; x: number; y: number }[] = [];

  constructor(
    private readonly node: HTMLElement,
    private readonly handlers: Handlers,
    private readonly view: () => View,
    private readonly enabled: () => boolean,
  ) {}

  /** Begin to listen. Returns a function that ends it. */
  listen(): () => void {
    const { node } = this;
    const on = <Kind extends keyof HTMLElementEventMap>(kind: Kind, hear: (event: HTMLElementEventMap[Kind]) => void) => {
      node.addEventListener(kind, hear, { passive: false });
      return () => node.removeEventListener(kind, hear);
    };
    const ends = [
      on("pointerdown", (event) => this.down(event)),
      on("pointermove", (event) => this.move(event)),
      on("pointerup", (event) => this.up(event)),
      on("pointercancel", (event) => this.lost(event)),
      on("wheel", (event) => this.wheel(event)),
      on("dragstart", (event) => event.preventDefault()),
    ];
    return () => ends.forEach((end) => end());
  }

  private down(event: PointerEvent): void {
    if (event.pointerType === "mouse" && event.button !== 0) return;
    if ((event.target as Element).closest("button, a, input")) return;
    if (this.pointers.size >= 2) return;
    this.node.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.place(event));
    if (this.pointers.size === 2) this.beginPinch();
    else this.beginOne(this.place(event), event.timeStamp);
  }

  private beginOne(point: Point, at: number): void {
    this.mode = "idle";
    this.start = point;
    this.startView = this.view();
    this.trail = [{ at, ...point }];
  }

  private beginPinch(): void {
    if (this.mode === "drag") this.handlers.cancel();
    const [one, other] = this.two();
    this.mode = "pinch";
    this.start = middle(one, other);
    this.spread = Math.max(distance(one, other), 1);
    this.startView = this.view();
  }

  private move(event: PointerEvent): void {
    if (!this.pointers.has(event.pointerId)) return;
    const point = this.place(event);
    this.pointers.set(event.pointerId, point);
    if (this.mode === "pinch") this.pinch();
    else this.one(point, event.timeStamp);
  }

  private pinch(): void {
    if (this.pointers.size < 2) return;
    const [one, other] = this.two();
    const centre = middle(one, other);
    const scale = Math.min(Math.max(this.startView.scale * (distance(one, other) / this.spread), 1), CLOSEST);
    const zoomed = zoomedAt(this.startView, scale, this.start);
    this.show({ scale, x: zoomed.x + centre.x - this.start.x, y: zoomed.y + centre.y - this.start.y });
  }

  private one(point: Point, at: number): void {
    const [dx, dy] = [point.x - this.start.x, point.y - this.start.y];
    if (this.mode === "idle") {
      if (Math.hypot(dx, dy) < SLOP_PX) return;
      this.mode = this.startView.scale > 1 ? "pan" : this.enabled() ? "drag" : "idle";
      if (this.mode === "idle") return;
    }
    if (this.mode === "pan") return this.show({ ...this.startView, x: this.startView.x + dx, y: this.startView.y + dy });
    this.trail = [...this.trail.filter((each) => at - each.at < 100), { at, ...point }];
    this.handlers.drag(dx, dy);
  }

  private up(event: PointerEvent): void {
    if (!this.pointers.delete(event.pointerId)) return;
    const point = this.place(event);
    if (this.mode === "drag") this.drop(point, event.timeStamp);
    else if (this.mode === "idle") this.tap(point, event.timeStamp);
    this.rest(event.timeStamp);
  }

  /** After a finger has left: what remains of a pinch looks around, and never swipes. A hair of zoom is none. */
  private rest(at: number): void {
    if (this.mode === "pinch" && this.view().scale < HAIR) this.handlers.view(WHOLE);
    const [remaining] = this.pointers.values();
    if (remaining === undefined) {
      this.mode = "idle";
    } else {
      this.beginOne(remaining, at);
      this.mode = "pan";
    }
  }

  private drop(point: Point, at: number): void {
    const [dx, dy] = [point.x - this.start.x, point.y - this.start.y];
    const first = this.trail.find((each) => at - each.at < 100) ?? { at, ...point };
    const elapsed = Math.max(at - first.at, 1);
    this.handlers.drop(dx, dy, (point.x - first.x) / elapsed, (point.y - first.y) / elapsed);
  }

  private tap(point: Point, at: number): void {
    const twice = at - this.lastTap.at < DOUBLE_TAP_MS && distance(point, this.lastTap) < NEAR_PX;
    this.lastTap = { at: twice ? -Infinity : at, ...point };
    if (!twice) return;
    this.show(this.view().scale > 1 ? WHOLE : zoomedAt(this.view(), DOUBLE_TAP_SCALE, point));
  }

  private lost(event: PointerEvent): void {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.mode === "drag") this.handlers.cancel();
    this.rest(event.timeStamp);
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    const step = Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015));
    const scale = Math.min(Math.max(this.view().scale * step, 1), CLOSEST);
    this.show(zoomedAt(this.view(), scale, this.place(event)));
  }

  private show(view: View): void {
    this.handlers.view(clamped(view, this.node.clientWidth, this.node.clientHeight));
  }

  private two(): [Point, Point] {
    const [one, other] = [...this.pointers.values()];
    return [one!, other!];
  }

  /** Where a pointer is, from the middle of the card at rest. The card's own movement does not count. */
  private place(event: MouseEvent): Point {
    const frame = (this.node.parentElement ?? this.node).getBoundingClientRect();
    return { x: event.clientX - frame.left - frame.width / 2, y: event.clientY - frame.top - frame.height / 2 };
  }
}

function distance(one: Point, other: Point): number {
  return Math.hypot(one.x - other.x, one.y - other.y);
}

function middle(one: Point, other: Point): Point {
  return { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 };
}
