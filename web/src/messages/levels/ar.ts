/** ما يُقال عن المستويات. */

import { plurals } from "../plurals";
import type { LevelMessages } from "./en";

const plural = plurals("ar");
const named = (level: number) => (level === 10 ? "مستوى الخبراء" : `المستوى ${level}`);
const shown = { yes: "الإجابة نعم", no: "الإجابة لا" };

export const ar: LevelMessages = {
  unlocked: (level) => (level === 10 ? "لديك الآن مستوى الخبراء" : `المستوى ${level} لك`),
  unlockedAbout: "هو لك لقاء ما أظهرته في هذا المشروع.",
  opens: (count) =>
    plural(count, { one: "سؤال يُفتح لك", two: "سؤالان يُفتحان لك", few: "أسئلة تُفتح لك", other: "أسئلة تُفتح لك" }),
  begin: "عرضه",
  shareIt: "مشاركة",
  shared: (level, title) => `بلغتُ ${named(level)} في ${title}`,
  later: "لاحقًا",
  way: (level) => `في الطريق إلى ${named(level)}`,
  waysOpen: (names) => `يفتح: ${names}.`,
  held: (level) => `لديك ${named(level)}.`,
  heldUntil: (day) => `حتى ${day}.`,
  probation: (day) => `تحت التجربة حتى ${day}: واصل على صور التدريب.`,
  nothingMissing: "أظهرت كل ما هو مطلوب.",
  missing: "ما زال مطلوبًا",
  gold: (side, have, need, of) => `صور تدريب فيها ${shown[side]} (${of}): ${have} من ${need} حتى الآن.`,
  skill: (side, have, need, of) =>
    `حين تكون ${shown[side]} (${of}) تصيب في ${have} على الأقل من الحالات، بقدر ما يُعرف؛ والمطلوب ${need}.`,
  bothSides: (have, need, of) => `في آخر صور التدريب (${of}) أصبت في ${have} من الحالات؛ والمطلوب ${need}.`,
  moreTells: "المزيد من صور التدريب يوضّح ذلك: يظهر بعضها بين غيرها.",
  votes: (have, need) => `الإجابات: ${have} من ${need}.`,
  days: (have, need) => `أيام المشاركة: ${have} من ${need}.`,
  talk: (have, need) => `المساهمات في النقاش: ${have} من ${need}.`,
  automatic: "المستوى لك حالما لا ينقص شيء.",
  byPeople: "ثم ينظر فيه أحد المشرفين.",
  asked: (day) => `طُلب من المشرفين النظر فيه في ${day}.`,
  deferred: (day) => `أُجّل حتى ${day}.`,
  decisions: {
    refused: (day) => `رُفض في ${day}.`,
    revoked: (day) => `سُحب في ${day}.`,
    lost: (day) => `كان لديك حتى ${day}: لم تكفِ آخر إجاباتك في التدريب للاحتفاظ به.`,
    expired: (day) => `انتهى في ${day} كما كان محددًا.`,
  },
  why: (words) => `السبب: ${words}`,
  again: "أظهره من جديد على صور التدريب، وقد يعود لك.",
  appeal: "طلب إعادة النظر",
  appealWhy: "لماذا ينبغي إعادة النظر",
  appealSend: "إرسال",
  appealed: "أُرسل: سينظر فيه أحد المشرفين من جديد.",
  badgesTitle: "الأوسمة",
  badges: {
    votes: (shown, n) =>
      plural(n, { one: "إجابة واحدة", two: "إجابتان", few: `${shown} إجابات`, other: `${shown} إجابة` }),
    days: (shown, n) => plural(n, { few: `${shown} أيام`, other: `${shown} يومًا` }),
    streak: (shown, n) => plural(n, { few: `${shown} أيام متتالية`, other: `${shown} يومًا متتاليًا` }),
    projects: (shown, n) => plural(n, { two: "مشروعان", few: `${shown} مشاريع`, other: `${shown} مشروعًا` }),
    training: (shown) => `${shown} صورة تدريب`,
    favourites: (shown, n) => plural(n, { one: "عنصر مفضّل واحد", other: `${shown} عنصرًا مفضّلًا` }),
  },
  nearest: (badge, have) => `التالي: ${badge}؛ حتى الآن ${have}.`,
  board: "هذا الأسبوع",
  nobody: "لم يُجب أحد ممن لهم اسم هذا الأسبوع بعد.",
  yourPlace: (rank) => `ترتيبك: ${rank}.`,
  beSeen: "إظهار اسمي هنا",
  beSeenAbout: "لا يظهر هنا إلا من له اسم وأراد ذلك. المهم هو النظر، لا الموافقة ولا السرعة.",
  appealFailed: "لم ينجح ذلك. حاول مرة أخرى لاحقًا.",
};
