/**
 * What is in a finished livepatch module or in a diffed object: replaced functions, callbacks, livepatch relocations and
 * livepatch symbols, per klp object. Data for `kptool inspect`, and the same as plain lines.
 */
import type { CallbackKind } from '../diff/callbacks.js';
import { STT } from '../elf/constants.js';
import type { ElfObject, ElfSection } from '../elf/object.js';
import { decodeIntermediate } from './intermediate.js';
import { isIntermediateSection } from './intermediate-layout.js';
import { readKlpTables } from './klp-tables.js';
import type { LivepatchParts } from './livepatch.js';
import { moduleInfo } from './module-info.js';
import { type KlpSymbolName, parseKlpSymbolName, parseKlpTableName } from './names.js';

export interface InspectReport {
  readonly file: string;
  /** `diffed-object`: with intermediate sections. `other`: neither this nor a livepatch. */
  readonly kind: 'livepatch' | 'diffed-object' | 'other';
  /** From `.modinfo`; absent in objects. */
  readonly name?: string;
  readonly vermagic?: string;
  readonly functions: readonly InspectedFunction[];
  /** Why `functions` and `callbacks` say nothing, where it cannot be read. */
  readonly functionsUnknown?: string;
  readonly callbacks: readonly InspectedCallback[];
  readonly relocations: readonly InspectedRelocation[];
  /** Livepatch symbols that relocations refer to, each once. */
  readonly symbols: readonly KlpSymbolName[];
}

export interface InspectedFunction extends KlpSymbolName {
  /** The replacing function, as function+offset or section+offset. */
  readonly replacement: string;
  /** Bytes; 0 where unknown. */
  readonly replacementSize: number;
}

/** A function that the livepatch core calls around the patching of `object`. */
export interface InspectedCallback {
  readonly object: string;
  readonly kind: CallbackKind;
  /** `?` where the pointer leads to no function. */
  readonly function: string;
}

export interface InspectedRelocation {
  /** The relocation is applied when this object is loaded. */
  readonly object: string;
  readonly section: string;
  /** The relocated place, as function+offset or section+offset. */
  readonly place: string;
  /** `R_*` of the machine. */
  readonly type: number;
  readonly addend: number;
  /** As named in the file: `.klp.sym.…` in a module. */
  readonly symbol: string;
}

/**
 * Reads the report out of an object. `absolute64` is the relocation type of the object's CPU that stores an address.
 * Throws what `decodeIntermediate` throws for a damaged diffed object.
 */
export function inspectObject(object: ElfObject, absolute64: number): InspectReport {
  const hasIntermediate = object.sections.some(({ name }) => isIntermediateSection(name));
  const isLivepatch = moduleInfo(object, 'livepatch') !== undefined;
  const name = moduleInfo(object, 'name');
  const vermagic = moduleInfo(object, 'vermagic')?.trim();
  const head = {
    file: object.fileName,
    ...(name === undefined ? {} : { name }),
    ...(vermagic === undefined ? {} : { vermagic }),
  };
  // A module made by kpatch keeps .kpatch.funcs, which its init function reads, and has finished relocations.
  const parts = hasIntermediate ? decodeIntermediate(object, absolute64) : undefined;
  if (isLivepatch) return { ...head, kind: 'livepatch', ...moduleFunctions(object, parts), ...klpRelocations(object) };
  if (parts === undefined)
    return { ...head, kind: 'other', functions: [], callbacks: [], relocations: [], symbols: [] };
  return {
    ...head,
    kind: 'diffed-object',
    functions: partsFunctions(object, parts),
    callbacks: partsCallbacks(parts),
    ...partsRelocations(object, parts),
  };
}

function moduleFunctions(
  object: ElfObject,
  parts: LivepatchParts | undefined,
): Pick<InspectReport, 'functions' | 'callbacks' | 'functionsUnknown'> {
  if (parts !== undefined && parts.functions.length > 0) {
    return { functions: partsFunctions(object, parts), callbacks: partsCallbacks(parts) };
  }
  const tables = readKlpTables(object);
  if ('problem' in tables) return { functions: [], callbacks: [], functionsUnknown: tables.problem };
  const functions = tables.functions.map(({ object: klpObject, name, sympos, replacement, symbol }) => ({
    object: klpObject,
    name,
    sympos,
    replacement: replacement === undefined ? '?' : describePlace(object, replacement.section, replacement.offset),
    replacementSize: symbol?.size ?? 0,
  }));
  const callbacks = tables.callbacks.map(({ object: klpObject, kind, symbol }) => {
    return { object: klpObject, kind, function: symbol?.name ?? '?' };
  });
  return { functions, callbacks };
}

function partsCallbacks({ callbacks }: LivepatchParts): InspectedCallback[] {
  return callbacks.map(({ object, kind, symbol }) => ({ object, kind, function: symbol.name }));
}

function partsFunctions(object: ElfObject, parts: LivepatchParts): InspectedFunction[] {
  return parts.functions.map(({ object: klpObject, name, sympos, replacement, replacementSize }) => {
    const { section, value } = replacement;
    const place = section === undefined ? replacement.name : describePlace(object, section, value);
    return { object: klpObject, name, sympos, replacement: place, replacementSize };
  });
}

function klpRelocations(object: ElfObject): Pick<InspectReport, 'relocations' | 'symbols'> {
  const relocations = object.sections.flatMap((section) =>
    section.extraRelocationTables.flatMap((table) =>
      table.relocations.map(({ offset, type, addend, symbol }) => ({
        object: parseKlpTableName(table.name)?.object ?? table.name,
        section: section.name,
        place: describePlace(object, section, offset),
        type,
        addend,
        symbol: symbol.name,
      })),
    ),
  );
  const symbols = object.symbols.filter(({ place }) => place === 'livepatch');
  return {
    relocations,
    symbols: symbols.map(({ name }) => parseKlpSymbolName(name) ?? { object: '?', name, sympos: 0 }),
  };
}

function partsRelocations(object: ElfObject, parts: LivepatchParts): Pick<InspectReport, 'relocations' | 'symbols'> {
  const symbols = new Map<string, KlpSymbolName>();
  const relocations = parts.relocations.map(({ object: klpObject, section, offset, type, addend, symbol }) => {
    const text = describeSymbol(symbol);
    symbols.set(text, { object: symbol.object, name: symbol.name, sympos: symbol.sympos });
    const place = describePlace(object, section, offset);
    return { object: klpObject, section: section.name, place, type, addend, symbol: text };
  });
  return { relocations, symbols: [...symbols.values()] };
}

/** Function or variable and offset in bytes, or section and offset where no symbol covers the place. */
function describePlace(object: ElfObject, section: ElfSection, offset: number): string {
  const named = object.symbols.find(
    (symbol) =>
      symbol.place === section &&
      (symbol.type === STT.FUNC || symbol.type === STT.OBJECT) &&
      symbol.value <= offset &&
      offset < symbol.value + symbol.size,
  );
  const distance = offset - (named?.value ?? 0);
  return `${named?.name ?? section.name}${named !== undefined && distance === 0 ? '' : `+0x${distance.toString(16)}`}`;
}

function describeSymbol({ object, name, sympos }: KlpSymbolName): string {
  return `${object}:${name}${sympos === 0 ? '' : `,${sympos}`}`;
}

const kindNames = {
  livepatch: 'livepatch module',
  'diffed-object': 'diffed object',
  other: 'no livepatch and no diffed object',
} as const;

/** The report as lines of plain text, objects and sections as headings. */
export function renderInspectReport(report: InspectReport): string[] {
  const identity = [report.name && `name ${report.name}`, report.vermagic && `for ${report.vermagic}`].filter(Boolean);
  const lines = [`${report.file}: ${kindNames[report.kind]}`, ...identity.map((text) => `  ${text}`)];
  if (report.kind === 'other') return lines;
  lines.push('', 'replaced functions');
  if (report.functionsUnknown !== undefined) lines.push(`  not known: ${report.functionsUnknown}`);
  lines.push(
    ...grouped(
      report.functions,
      ({ object }) => object,
      (replaced) => {
        const size = replaced.replacementSize > 0 ? `, ${replaced.replacementSize} bytes` : '';
        return `${describePosition(replaced)} by ${replaced.replacement}${size}`;
      },
    ),
  );
  if (report.callbacks.length > 0) {
    const callbackLine = (callback: InspectedCallback) => `${callback.kind} ${callback.function}`;
    lines.push('', 'callbacks', ...grouped(report.callbacks, ({ object }) => object, callbackLine));
  }
  lines.push('', `livepatch relocations: ${report.relocations.length}`);
  lines.push(
    ...grouped(
      report.relocations,
      ({ object, section }) => `${object} ${section}`,
      ({ place, type, symbol, addend }) => `${place} type ${type} ${symbol}${signed(addend)}`,
    ),
  );
  lines.push('', `livepatch symbols: ${report.symbols.length}`);
  lines.push(...grouped(report.symbols, ({ object }) => object, describePosition));
  return lines;
}

function describePosition({ name, sympos }: KlpSymbolName): string {
  return sympos === 0 ? name : `${name},${sympos}`;
}

function signed(addend: number): string {
  if (addend === 0) return '';
  return addend < 0 ? ` - ${-addend}` : ` + ${addend}`;
}

/** Each group under its heading, in order of first appearance. */
function grouped<T>(items: readonly T[], heading: (item: T) => string, line: (item: T) => string): string[] {
  const groups = new Map<string, string[]>();
  for (const item of items) {
    const key = heading(item);
    const lines = groups.get(key) ?? [];
    groups.set(key, lines);
    lines.push(`    ${line(item)}`);
  }
  return [...groups].flatMap(([key, lines]) => [`  ${key}`, ...lines]);
}
