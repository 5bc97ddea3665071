/** Chooses among forms by number, as each language does. */

type Forms = { other: string } & Partial<Record<Intl.LDMLPluralRule, string>>;

export function plurals(code: string): (count: number, forms: Forms) => string {
  const rules = new Intl.PluralRules(code);
  return (count, forms) => forms[rules.select(count)] ?? forms.other;
}
