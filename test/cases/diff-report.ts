/**
 * What came of a pair of objects, as text that a person can judge: `expected.txt` of fixtures/diff. Sizes and offsets of
 * code belong to the compiler and are left out.
 */
import { x86_64 } from '../../src/arch/x86-64.js';
import type { Diagnostic } from '../../src/diagnostics/diagnostic.js';
import { tableEntrySizes } from '../../src/diff/special-tables.js';
import { SHF, SHT, STT } from '../../src/elf/constants.js';
import { dumpElf } from '../../src/elf/dump.js';
import { type ElfObject, type ElfSection, type ElfSymbol, noSymbol, type Relocation } from '../../src/elf/object.js';
import type { KlpRelocation, ReplacedFunction } from '../../src/livepatch/livepatch.js';
import { type CaseResult, entrySizes } from './diff-case.js';

export function describeResult(result: CaseResult): string {
  return `${linesOf(result).join('\n')}\n`;
}

function linesOf(result: CaseResult): string[] {
  if (result.kind === 'refused') return ['refused', ...findingLines(result.findings)];
  const warnings = findingLines(result.warnings);
  if (result.kind === 'unchanged') return ['unchanged', ...warnings];
  const { diff, parts } = result;
  return [
    'changed',
    ...warnings,
    ...block('replaced functions', parts.functions.map(describeReplaced)),
    ...block('new functions', namesOf(diff.newFunctions)),
    ...block('new data', namesOf(diff.newData)),
    ...block('livepatch relocations', parts.relocations.map(describeKlp)),
    ...diff.object.sections.flatMap((section) => block(`content of ${section.name}`, contentOf(section))),
    ...structureOf(diff.object),
  ];
}

function block(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`)];
}

function findingLines(findings: readonly Diagnostic[]): string[] {
  return findings.flatMap(({ severity, code, what, details }) => [
    `${severity}: ${code}`,
    `  ${what}`,
    ...details.map((detail) => `    ${detail}`),
  ]);
}

function namesOf(symbols: readonly ElfSymbol[]): string[] {
  return symbols.map(({ name }) => name);
}

function describeReplaced({ name, object, replacement, sympos }: ReplacedFunction): string {
  return `${object} ${name},${sympos} by ${replacement.name}`;
}

function describeKlp({ section, type, isExternal, object, symbol }: KlpRelocation): string {
  const orOurs = isExternal ? ' or of this livepatch' : '';
  const place = `${section.name} ${relocationName(type)}`;
  return `${place} -> ${symbol.object} ${symbol.name},${symbol.sympos}${orOurs}, with ${object}`;
}

const relocationNames = new Map([
  [0, 'NONE'],
  [1, '64'],
  [2, 'PC32'],
  [4, 'PLT32'],
  [10, '32'],
  [11, '32S'],
  [24, 'PC64'],
]);

function relocationName(type: number): string {
  return `R_X86_64_${relocationNames.get(type) ?? type}`;
}

const entrySizeOf = new Map([...tableEntrySizes(x86_64, entrySizes), ['__mcount_loc', 8]]);

/** Of code what it refers to, of tables the entries, of pools the strings, of other data the bytes. */
function contentOf(section: ElfSection): string[] {
  const references = section.relocations.map(
    (relocation) => `${relocationName(relocation.type)} ${target(relocation)}`,
  );
  const entrySize = entrySizeOf.get(section.name);
  if (entrySize !== undefined) return entriesOf(section, entrySize);
  if ((section.flags & SHF.EXECINSTR) !== 0) return references;
  if ((section.flags & SHF.STRINGS) !== 0 || section.name === '.modinfo') return textsOf(section.content);
  const bytes = section.type === SHT.NOBITS ? [`${section.size} bytes, zero`] : hexLines(section.content);
  return [...bytes, ...references];
}

function entriesOf({ content, relocations }: ElfSection, size: number): string[] {
  return Array.from({ length: Math.ceil(content.length / size) }, (_, index) => {
    const start = index * size;
    const fields = relocations
      .filter(({ offset }) => offset >= start && offset < start + size)
      .map((relocation) => `${relocation.offset - start}: ${target(relocation)}`);
    return `${hex(content.subarray(start, start + size))} [${fields.join(', ')}]`;
  });
}

function textsOf(content: Uint8Array): string[] {
  const texts = Buffer.from(content).toString('latin1').split('\0');
  return texts.slice(0, -1).map((text) => JSON.stringify(text));
}

function hexLines(content: Uint8Array): string[] {
  return hex(content).match(/.{1,64}/g) ?? [];
}

function hex(content: Uint8Array): string {
  return Buffer.from(content).toString('hex');
}

/** Places in code are named by their function only; an addend into data is part of the meaning. */
function target({ symbol, addend }: Relocation): string {
  if (symbol === noSymbol) return '(none)';
  const pool = symbol.section;
  const isNameless = symbol.type === STT.SECTION || symbol.name.startsWith('.LC');
  if (pool !== undefined && isNameless && (pool.flags & SHF.STRINGS) !== 0) {
    return textsOf(pool.content.subarray(symbol.value + addend))[0] ?? 'the end of a pool';
  }
  const name = symbol.name === '' ? (pool?.name ?? '') : symbol.name;
  if (addend === 0) return name;
  const isCode = symbol.type === STT.FUNC || symbol.place === 'undefined';
  return isCode ? `${name}+…` : `${name}${addend < 0 ? '-' : '+'}${Math.abs(addend)}`;
}

/** Sections and symbols as the dump has them, code without its size. */
function structureOf(object: ElfObject): string[] {
  const code = new Set(object.sections.filter(({ flags }) => (flags & SHF.EXECINSTR) !== 0).map(({ name }) => name));
  const lines = dumpElf(object).trimEnd().split('\n');
  const end = lines.findIndex((line) => line.startsWith('relocations of '));
  return lines.slice(0, end < 0 ? undefined : end).map((line) => {
    const name = line.trim().split(' ')[0] ?? '';
    return code.has(name) || / FUNC /.test(line) ? line.replace(/ size 0x[1-9a-f][0-9a-f]*/, ' size …') : line;
  });
}
