/**
 * Names that are not the same in two builds of one source: those that carry a number of the compiler's or the
 * preprocessor's, and those that a tool makes beside a symbol after it was compiled. For whoever compares symbols of two
 * builds. All of it is data, which `kpatch.config.json` can add to (`nameRules`).
 */

/** Names with a number that may differ. */
export interface NumberedNames {
  /** What they are, for a person. */
  readonly kind: string;
  readonly pattern: RegExp;
  /** What stands in the stem for what the pattern matched. */
  readonly stem: string;
  /** Names and their stems. */
  readonly examples: readonly (readonly [name: string, stem: string])[];
}

/** Names of symbols that stand beside another one and say nothing of their own about the source. */
export interface CompanionNames {
  readonly kind: string;
  readonly pattern: RegExp;
  readonly examples: readonly string[];
}

export interface NameRules {
  /** Applied one after the other. */
  readonly numbered: readonly NumberedNames[];
  readonly companions: readonly CompanionNames[];
}

/** The numbers that gcc, clang and the kernel's macros are known to count up. */
const NUMBERED: readonly NumberedNames[] = [
  {
    kind: 'clone of a function, counted per translation unit (create_version_clone_with_body, gcc/cgraphclones.cc)',
    pattern: /\.(isra|constprop|part)\.\d+(?=\.|$)/g,
    stem: '.$1.#',
    examples: [
      ['cm_send.isra.0', 'cm_send.isra.#'],
      ['cm_send.constprop.3', 'cm_send.constprop.#'],
      ['cm_send.part.12', 'cm_send.part.#'],
      ['cm_destroy.constprop.0.isra.1', 'cm_destroy.constprop.#.isra.#'],
      ['cm_destroy.part.0.cold', 'cm_destroy.part.#.cold'],
    ],
  },
  {
    kind: 'cold part of a function: gcc up to 9 numbered them, later ones do not',
    pattern: /\.cold\.\d+$/,
    stem: '.cold',
    examples: [['cm_destroy.cold.7', 'cm_destroy.cold']],
  },
  {
    kind: 'name by __UNIQUE_ID() of include/linux/compiler.h: __COUNTER__ of the preprocessor, or the line',
    pattern: /^(__UNIQUE_ID_[^.]*?)\d+(?=\.|$)/,
    stem: '$1#',
    examples: [
      ['__UNIQUE_ID_license195', '__UNIQUE_ID_license#'],
      ['__UNIQUE_ID___addressable_cm_listen214', '__UNIQUE_ID___addressable_cm_listen#'],
      ['__UNIQUE_ID_ddebug305.7', '__UNIQUE_ID_ddebug#.#'],
    ],
  },
  {
    kind: 'entry of an init call in vmlinux: counter and line (___initcall_id() of include/linux/init.h)',
    pattern: /^(__initcall__kmod_.*?)__\d+_\d+_/,
    stem: '$1__#_#_',
    examples: [['__initcall__kmod_ib_cm__297_4450_ib_cm_init6', '__initcall__kmod_ib_cm__#_#_ib_cm_init6']],
  },
  {
    kind: 'static local, compound literal or table of a switch, counted per translation unit',
    pattern: /\.\d+(?=\.|$)/g,
    stem: '.#',
    examples: [
      ['__func__.3', '__func__.#'],
      ['_entry.4', '_entry.#'],
      ['_entry_ptr.2', '_entry_ptr.#'],
      ['CSWTCH.118', 'CSWTCH.#'],
      ['state.0', 'state.#'],
    ],
  },
];

/** What the kernel's macros and tools put beside a symbol; most of it lies in sections that the link discards. */
const COMPANIONS: readonly CompanionNames[] = [
  {
    kind: 'keeps a symbol alive (__ADDRESSABLE() of include/linux/compiler.h, in .discard.addressable)',
    pattern: /^(?:__UNIQUE_ID_)?__addressable_/,
    examples: ['__addressable_cm_listen', '__addressable_init_module41', '__UNIQUE_ID___addressable_cm_listen214'],
  },
  {
    kind: 'padding in front of a function, made by objtool after compiling (CONFIG_CALL_PADDING)',
    pattern: /^__pfx_/,
    examples: ['__pfx_cm_listen'],
  },
  {
    kind: 'type hash in front of a function (CONFIG_CFI_CLANG)',
    pattern: /^__cfi_/,
    examples: ['__cfi_cm_listen'],
  },
  {
    kind: 'says that a symbol is exported (include/linux/export.h since 6.5, in .export_symbol)',
    pattern: /^__export_symbol_/,
    examples: ['__export_symbol_cm_listen'],
  },
  {
    kind: 'makes gendwarfksyms see a type (include/linux/export.h since 6.14, in .discard.gendwarfksyms)',
    pattern: /^__gendwarfksyms_ptr_/,
    examples: ['__gendwarfksyms_ptr_cm_listen'],
  },
];

/** What kptool knows without being told. */
export const BUILT_IN_NAMES: NameRules = { numbered: NUMBERED, companions: COMPANIONS };

/** The shapes of names that `kpatch.config.json` adds; see `isNamePattern`. */
export interface NamePatterns {
  /** With `#` for the number: `__my_id_#`. */
  readonly drifting?: readonly string[];
  /** `__my_tool_*` */
  readonly companions?: readonly string[];
}

/**
 * A name with `#` for a number and, once at most, `*` for any text. Digits and wildcards do not touch a `#`, so that a number
 * begins and ends at one place only; but `*#` is any text that ends with digits. Words of regular expressions are plain
 * characters, so that nobody's configuration makes matching slow.
 */
export function isNamePattern(pattern: string): boolean {
  if (!/^[\w.$#*-]{2,200}$/.test(pattern) || !/[A-Za-z_]/.test(pattern)) return false;
  const wildcards = pattern.match(/[#*]/g)?.length ?? 0;
  return wildcards <= 4 && !/\*.*\*|[\d#]#|#[\d*]/.test(pattern);
}

/** The built-in rules and the given patterns, which `isNamePattern` has accepted. Throws nothing. */
export function nameRules({ drifting = [], companions = [] }: NamePatterns): NameRules {
  if (drifting.length === 0 && companions.length === 0) return BUILT_IN_NAMES;
  const added = drifting.map((text) => {
    return { kind: 'named in the configuration', pattern: matcherOf(text), stem: stemPattern(text), examples: [] };
  });
  return {
    // In front: a number that the configuration names must not have become `#` already.
    numbered: [...added, ...NUMBERED],
    companions: [
      ...COMPANIONS,
      ...companions.map((text) => ({ kind: 'named in the configuration', pattern: matcherOf(text), examples: [] })),
    ],
  };
}

function matcherOf(pattern: string): RegExp {
  const parts = pattern.split(/([#*])/).map((part) => {
    if (part === '#') return '\\d+';
    return part === '*' ? '(.*?)' : part.replace(/[.$-]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('')}$`);
}

/** The pattern itself, with what stood for `*`. `$$` is how a replacement spells `$`. */
function stemPattern(pattern: string): string {
  return pattern.replaceAll('$', '$$$$').replace('*', '$1');
}

/**
 * The name with `#` for every number that may drift: `n.#` for `n.4`, `send.isra.#` for `send.isra.0`, and the name itself
 * where it carries none.
 */
export function stemOf(name: string, { numbered } = BUILT_IN_NAMES): string {
  if (!/\d/.test(name)) return name;
  return numbered.reduce((stem, { pattern, stem: replacement }) => stem.replace(pattern, replacement), name);
}

/** The same name may stand for something else in another build. */
export function isDrifting(name: string, names = BUILT_IN_NAMES): boolean {
  return stemOf(name, names) !== name;
}

/** The name may have a number in another build, or none: `cm_destroy.cold` of one compiler is `cm_destroy.cold.7` of another. */
export function mayDrift(name: string, names = BUILT_IN_NAMES): boolean {
  return isDrifting(name, names) || name.endsWith('.cold');
}

/** The symbol stands beside another one, made by a macro or a tool: no evidence of its own, and no function of the source. */
export function isCompanion(name: string, { companions } = BUILT_IN_NAMES): boolean {
  return companions.some(({ pattern }) => pattern.test(name));
}
