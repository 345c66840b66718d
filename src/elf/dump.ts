/**
 * An object as text, for the expectations of tests and for people: the same object always gives the same lines, and
 * indices and file offsets, which mean nothing, do not show.
 */
import { GRP_COMDAT, SHF, SHT, STB, STT } from './constants.js';
import { type ElfObject, type ElfSection, type ElfSymbol, noSymbol, type Relocation } from './object.js';

/** Names a relocation type, for example `R_X86_64_PLT32`; without it the number is shown. */
type RelocationName = (type: number) => string;

/** Letters as `readelf -S` prints them. */
const FLAG_LETTERS: readonly (readonly [flag: number, letter: string])[] = [
  [SHF.WRITE, 'W'],
  [SHF.ALLOC, 'A'],
  [SHF.EXECINSTR, 'X'],
  [SHF.MERGE, 'M'],
  [SHF.STRINGS, 'S'],
  [SHF.INFO_LINK, 'I'],
  [SHF.LINK_ORDER, 'L'],
  [SHF.OS_NONCONFORMING, 'O'],
  [SHF.GROUP, 'G'],
  [SHF.TLS, 'T'],
  [SHF.COMPRESSED, 'C'],
  [SHF.RELA_LIVEPATCH, 'V'],
  [SHF.GNU_RETAIN, 'R'],
  [SHF.EXCLUDE, 'E'],
];

/**
 * Sections (name, type, flags, size in bytes, alignment), symbols (name, bind, type, place, size in bytes), then the
 * relocations of every section that has some, as `+0xoffset TYPE symbol+0xaddend`; all in the order of the object.
 */
export function dumpElf(object: ElfObject, relocationName: RelocationName = String): string {
  const lines = [
    'sections',
    ...object.sections.map((section) => `  ${describeSection(section)}`),
    'symbols',
    ...object.symbols.map((symbol) => `  ${describeSymbol(symbol)}`),
  ];
  for (const section of object.sections) {
    lines.push(...describeTable(`relocations of ${section.name}`, section.relocations, relocationName));
    for (const { name, flags, relocations } of section.extraRelocationTables) {
      lines.push(...describeTable(`${name} ${flagLetters(flags)} of ${section.name}`, relocations, relocationName));
    }
  }
  return `${lines.join('\n')}\n`;
}

function describeSection(section: ElfSection): string {
  const { name, type, flags, size, alignment, entrySize, linkedTo, group } = section;
  const words = [name, nameOf(SHT, type), flagLetters(flags), `size ${hex(size)}`, `align ${alignment}`];
  if (entrySize !== 0) words.push(`entries ${entrySize}`);
  if (linkedTo !== undefined) words.push(`with ${linkedTo.name}`);
  if (group !== undefined) {
    const kind = group.flags === GRP_COMDAT ? 'COMDAT' : hex(group.flags);
    words.push(`${kind} ${displayName(group.signature)}: ${group.members.map((member) => member.name).join(' ')}`);
  }
  return words.join(' ');
}

function describeSymbol(symbol: ElfSymbol): string {
  const { bind, type, other, place, value, size } = symbol;
  const where =
    typeof place === 'string' ? `${place}${value === 0 ? '' : ` ${hex(value)}`}` : `${place.name}+${hex(value)}`;
  const words = [displayName(symbol), nameOf(STB, bind), nameOf(STT, type), where, `size ${hex(size)}`];
  if (other !== 0) words.push(`other ${hex(other)}`);
  return words.join(' ');
}

function describeTable(title: string, relocations: readonly Relocation[], relocationName: RelocationName): string[] {
  if (relocations.length === 0) return [];
  return [
    title,
    ...relocations.map(({ offset, type, symbol, addend }) => {
      const sign = addend < 0 ? '-' : '+';
      return `  +${hex(offset)} ${relocationName(type)} ${displayName(symbol)}${sign}${hex(Math.abs(addend))}`;
    }),
  ];
}

/** A section symbol has no name of its own and stands for its section. */
function displayName(symbol: ElfSymbol): string {
  if (symbol === noSymbol) return '(none)';
  if (symbol.name !== '') return symbol.name;
  return symbol.type === STT.SECTION && symbol.section !== undefined ? symbol.section.name : '(unnamed)';
}

function flagLetters(flags: number): string {
  const letters = FLAG_LETTERS.filter(([flag]) => (flags & flag) !== 0).map(([, letter]) => letter);
  const known = FLAG_LETTERS.reduce((sum, [flag]) => ((flags & flag) === 0 ? sum : sum + flag), 0);
  const rest = flags - known;
  return letters.join('') + (rest === 0 ? '' : `+${hex(rest)}`) || '-';
}

function nameOf(names: Readonly<Record<string, number>>, value: number): string {
  return Object.entries(names).find(([, number]) => number === value)?.[0] ?? hex(value);
}

function hex(value: number): string {
  return value < 0 ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}
