/**
 * Whether the target's configuration leaves code out, by the `#if` lines around it. Only conditions that are made of
 * configuration options alone are judged; of any other one cannot tell, and the code counts as compiled.
 */
import type { KernelConfig } from '../kernel/config.js';
import type { Token } from './c-tokens.js';

/**
 * Some condition is certainly false for this kernel. `conditions` as `Item.conditions` has them. An option that the configuration does
 * not mention may be one of the tree's own, `ccflags-y += -DCONFIG_MAD_DEBUG`, and is not judged. Throws nothing.
 */
export function isSwitchedOff(conditions: readonly string[], config: KernelConfig): boolean {
  return conditions.some((condition) => truthOf(condition, config) === false);
}

/** Every condition is certainly true for this kernel; neither this nor `isSwitchedOff` where it cannot be told. */
export function isSwitchedOn(conditions: readonly string[], config: KernelConfig): boolean {
  return conditions.every((condition) => truthOf(condition, config) === true);
}

/**
 * What this kernel's compiler sees of the tokens of an item: without the branches that are switched off, and without the
 * `#if`, `#else` and `#endif` around those that are decided. Throws nothing.
 */
export function tokensInSight(tokens: readonly Token[], config: KernelConfig): Token[] {
  const open: { readonly condition: string; readonly truth: boolean | undefined }[] = [];
  return tokens.filter((token) => {
    const name = token.kind === 'directive' ? (/^#(if|el|endif)/.exec(token.text)?.[1] ?? '') : '';
    const last = open.at(-1);
    if (name === 'if') open.push({ condition: token.text, truth: truthOf(token.text, config) });
    if (name === 'endif') open.pop();
    if (name === 'el' && last !== undefined) {
      const condition = token.text.startsWith('#else') ? `#else of ${last.condition}` : token.text;
      open[open.length - 1] = { condition, truth: truthOf(condition, config) };
    }
    const isDecided = name !== '' && (name === 'if' ? open.at(-1) : last)?.truth !== undefined;
    return !isDecided && open.every(({ truth }) => truth !== false);
  });
}

/** `undefined` where it cannot be told. */
function truthOf(condition: string, config: KernelConfig): boolean | undefined {
  const otherwise = /^#else of (.*)$/s.exec(condition);
  if (otherwise?.[1] !== undefined) return not(truthOf(otherwise[1], config));
  const simple = /^#(ifdef|ifndef) (CONFIG_\w+)$/.exec(condition);
  if (simple?.[2] !== undefined) {
    // A module's code sees CONFIG_X_MODULE for an option that is `m`, not CONFIG_X.
    const isDefined = isDefinedOption(simple[2], config);
    return simple[1] === 'ifdef' ? isDefined : not(isDefined);
  }
  const expression = /^#(?:if|elif) (.*)$/s.exec(condition)?.[1];
  return expression === undefined ? undefined : truthOfExpression(expression.trim(), config);
}

/**
 * `0`, `1`, `IS_ENABLED(CONFIG_X)` and its kin, `defined(CONFIG_X)`, and these with `!`, or several joined by `&&` or by
 * `||`, without parentheses around them.
 */
function truthOfExpression(expression: string, config: KernelConfig): boolean | undefined {
  const alternatives = expression.split('||');
  if (alternatives.length > 1) {
    const values = alternatives.map((part) => truthOfExpression(part.trim(), config));
    if (values.includes(true)) return true;
    return values.includes(undefined) ? undefined : false;
  }
  const parts = expression.split('&&').map((part) => truthOfTerm(part.trim(), config));
  if (parts.includes(false)) return false;
  return parts.includes(undefined) ? undefined : true;
}

function truthOfTerm(term: string, config: KernelConfig): boolean | undefined {
  if (term.startsWith('!')) return not(truthOfTerm(term.slice(1).trim(), config));
  if (/^\d+$/.test(term)) return Number(term) !== 0;
  const asked = /^(defined|IS_ENABLED|IS_BUILTIN|IS_MODULE|IS_REACHABLE) ?\(? ?(CONFIG_\w+) ?\)?$/.exec(term);
  const [, how, option = ''] = asked ?? [];
  if (how === undefined || how === 'IS_REACHABLE') return undefined;
  if (how === 'defined') return isDefinedOption(option, config);
  if (!config.mentions(option)) return undefined;
  if (how === 'IS_ENABLED') return config.isOn(option);
  return config.value(option) === (how === 'IS_MODULE' ? 'm' : 'y');
}

/** include/generated/autoconf.h defines CONFIG_X for `y` and for values, and CONFIG_X_MODULE for `m`. */
function isDefinedOption(option: string, config: KernelConfig): boolean | undefined {
  const name = option.replace(/_MODULE$/, '');
  if (!config.mentions(name)) return undefined;
  const value = config.value(name);
  if (name !== option) return value === 'm';
  return value !== undefined && value !== 'm';
}

function not(value: boolean | undefined): boolean | undefined {
  return value === undefined ? undefined : !value;
}
