/** The shape of a case for a rule that the source decides, and sources for it. */

/** The sides of each file; a text alone is that of a file which is the same on both. */
export type Files = Readonly<Record<string, readonly [original: string | undefined, patched: string | undefined]>>;

export interface RuleCase {
  readonly breaks: Files;
  /** By name, what makes the difference. */
  readonly nearMisses: Readonly<Record<string, Files>>;
}

export type RuleCases<Rules> = { readonly [Id in keyof Rules]: RuleCase };

/** A file before and after, with `@` in place of what changes. */
export function mad(text: string, before: string, after: string): Files {
  return { 'mad.c': [text.replaceAll('@', before), text.replaceAll('@', after)] };
}

export const plain = 'static int mad_send(int a)\n{\n\treturn @;\n}\n';
