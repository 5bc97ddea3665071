/** Lo que se dice de los niveles. */

import { plurals } from "../plurals";
import type { LevelMessages } from "./en";

const plural = plurals("es");
const named = (level: number) => (level === 10 ? "el nivel experto" : `el nivel ${level}`);
const shown = { yes: "la respuesta es sí", no: "la respuesta es no" };

export const es: LevelMessages = {
  unlocked: (level) => (level === 10 ? "Ya tienes el nivel experto" : `El nivel ${level} es tuyo`),
  unlockedAbout: "Es tuyo por lo que has mostrado en este proyecto.",
  opens: (count) => plural(count, { one: "Se abre una pregunta para ti", other: "Se abren estas preguntas para ti" }),
  begin: "Verla",
  shareIt: "Compartir",
  shared: (level, title) => `He alcanzado ${named(level)} en ${title}`,
  later: "Más tarde",
  way: (level) => `Rumbo a ${named(level)}`,
  waysOpen: (names) => `Abre: ${names}.`,
  held: (level) => `Tienes ${named(level)}.`,
  heldUntil: (day) => `Hasta el ${day}.`,
  probation: (day) => `A prueba hasta el ${day}: sigue así con las imágenes de entrenamiento.`,
  nothingMissing: "Has mostrado todo lo que se pide.",
  missing: "Lo que falta",
  gold: (side, have, need, of) => `Imágenes de entrenamiento en las que ${shown[side]} (${of}): ${have} de ${need} por ahora.`,
  skill: (side, have, need, of) =>
    `Cuando ${shown[side]} (${of}), aciertas al menos el ${have} de las veces, hasta donde se sabe; se pide el ${need}.`,
  bothSides: (have, need, of) =>
    `En las últimas imágenes de entrenamiento (${of}) acertaste el ${have} de las veces; se pide el ${need}.`,
  moreTells: "Con más imágenes de entrenamiento se sabe mejor: aparecen algunas entre las demás.",
  votes: (have, need) => `Respuestas: ${have} de ${need}.`,
  days: (have, need) => `Días en los que participaste: ${have} de ${need}.`,
  talk: (have, need) => `Aportaciones en Talk: ${have} de ${need}.`,
  automatic: "El nivel es tuyo en cuanto no falte nada.",
  byPeople: "Después lo mira quien modera.",
  asked: (day) => `Se ha pedido a quienes moderan que lo miren, el ${day}.`,
  deferred: (day) => `Se aplazó hasta el ${day}.`,
  decisions: {
    refused: (day) => `Se denegó el ${day}.`,
    revoked: (day) => `Se retiró el ${day}.`,
    lost: (day) => `Lo tuviste hasta el ${day}: tus últimas respuestas de entrenamiento no bastaron para conservarlo.`,
    expired: (day) => `Terminó el ${day}, como estaba fijado.`,
  },
  why: (words) => `El motivo: ${words}`,
  again: "Muéstralo de nuevo con imágenes de entrenamiento y volverá a ser tuyo.",
  appeal: "Pedir que lo revisen",
  appealWhy: "Por qué deberían revisarlo",
  appealSend: "Enviar",
  appealed: "Enviado: lo revisarán.",
  badgesTitle: "Insignias",
  badges: {
    votes: (shown, n) => plural(n, { one: "1 respuesta", other: `${shown} respuestas` }),
    days: (shown) => `${shown} días`,
    streak: (shown) => `${shown} días seguidos`,
    projects: (shown) => `${shown} proyectos`,
    training: (shown) => `${shown} imágenes de entrenamiento`,
    favourites: (shown, n) => plural(n, { one: "1 favorito", other: `${shown} favoritos` }),
  },
  nearest: (badge, have) => `La siguiente: ${badge}; por ahora ${have}.`,
  board: "Esta semana",
  nobody: "Nadie con nombre ha respondido todavía esta semana.",
  yourPlace: (rank) => `Tu puesto: ${rank}.`,
  beSeen: "Mostrar mi nombre aquí",
  beSeenAbout: "Aquí solo aparece quien tiene nombre, y solo si quiere. Cuenta mirar, no coincidir ni ser rápido.",
  appealFailed: "No ha funcionado. Inténtalo más tarde.",
};
