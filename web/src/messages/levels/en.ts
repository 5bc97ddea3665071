/** What is said about levels: how one is reached, and the moment when it is. */

import { plurals } from "../plurals";

const plural = plurals("en");
const named = (level: number) => (level === 10 ? "the experts' level" : `level ${level}`);
const shown = { yes: "the answer is yes", no: "the answer is no" };

export const en = {
  unlocked: (level: number) => (level === 10 ? "You are an expert now" : `Level ${level} is yours`),
  unlockedAbout: "It is yours for what you have shown in this project.",
  opens: (count: number) => plural(count, { one: "A question opens for you", other: "These questions open for you" }),
  begin: "Look at it",
  shareIt: "Share",
  shared: (level: number, title: string) => `I have reached ${named(level)} in ${title}`,
  later: "Later",
  way: (level: number) => `On the way to ${named(level)}`,
  waysOpen: (names: string) => `It opens: ${names}.`,
  held: (level: number) => `You hold ${named(level)}.`,
  heldUntil: (day: string) => `Until ${day}.`,
  probation: (day: string) => `On probation until ${day}: keep it up on training pictures.`,
  nothingMissing: "You have shown all that is asked for.",
  missing: "What is still asked for",
  gold: (side: "yes" | "no", have: number, need: number, of: string) =>
    `Training pictures where ${shown[side]} (${of}): ${have} of ${need} so far.`,
  skill: (side: "yes" | "no", have: string, need: string, of: string) =>
    `Where ${shown[side]} (${of}), you are right at least ${have} of the time, as far as can be said; ${need} is asked for.`,
  bothSides: (have: string, need: string, of: string) =>
    `On the last training pictures (${of}) you were right ${have} of the time; ${need} is asked for.`,
  moreTells: "More training pictures tell it better: you are shown some of them among the others.",
  votes: (have: string, need: string) => `Answers: ${have} of ${need}.`,
  days: (have: string, need: string) => `Days on which you took part: ${have} of ${need}.`,
  talk: (have: string, need: string) => `Contributions to Talk: ${have} of ${need}.`,
  automatic: "The level is yours as soon as nothing is missing.",
  byPeople: "Then a moderator looks at it.",
  asked: (day: string) => `A moderator has been asked to look at it, on ${day}.`,
  deferred: (day: string) => `It was put off until ${day}.`,
  decisions: {
    refused: (day: string) => `It was refused on ${day}.`,
    revoked: (day: string) => `It was taken back on ${day}.`,
    lost: (day: string) => `You held it until ${day}: your last training answers were not sure enough to keep it.`,
    expired: (day: string) => `It ended on ${day}, as was set.`,
  } as Record<string, (day: string) => string>,
  why: (words: string) => `The reason: ${words}`,
  again: "Show it anew on training pictures, and it can be yours again.",
  appeal: "Ask them to look again",
  appealWhy: "Why they should look again",
  appealSend: "Send",
  appealed: "Sent: a moderator will look again.",
  badgesTitle: "Badges",
  badges: {
    votes: (shown, n) => plural(n, { one: "1 answer", other: `${shown} answers` }),
    days: (shown) => `${shown} days`,
    streak: (shown) => `${shown} days in a row`,
    projects: (shown) => `${shown} projects`,
    training: (shown) => `${shown} training pictures`,
    favourites: (shown, n) => plural(n, { one: "1 favourite", other: `${shown} favourites` }),
  } as Record<string, (shown: string, n: number) => string>,
  nearest: (badge: string, have: string) => `Next: ${badge}; so far ${have}.`,
  board: "This week",
  nobody: "Nobody with a name has answered this week yet.",
  yourPlace: (rank: string) => `Your place: ${rank}.`,
  beSeen: "Show my name here",
  beSeenAbout: "Only who has a name stands here, and only if they like. What counts is looking, not agreeing, and not being fast.",
  appealFailed: "That did not work. Please try again later.",
};

export type LevelMessages = typeof en;
