/**
 * The code of the kernel itself: linked, so that its operands hold addresses and it has no relocations, and with symbols that
 * may tell no sizes (kallsyms). What a function refers to is known by who lies at the address.
 */
import type { Arch } from '../arch/arch.js';
import { SHF, SHT, STT } from '../elf/constants.js';
import { groupBy } from '../elf/grouped.js';
import { ElfSection, ElfSymbol } from '../elf/object.js';
import type { KernelCode } from '../kernel/kernel-code.js';
import type { CodeIndex, NamedPlace, Reference } from './code-index.js';
import { BUILT_IN_NAMES, isDrifting, type NameRules, stemOf } from './drifting-names.js';
import type { TargetSymbol } from './lookup.js';
import { isSameText } from './same-text.js';
import type { TableSymbol, TargetTable } from './symbol-table.js';
import type { OperandPlace, TargetCode } from './target-code.js';

/** Bytes: more than any function has, and less than what lies behind the last symbol of a section. */
const mostRoom = 1 << 20;
/** Bytes of a text that are compared. */
const longestText = 4096;

export class LinkedCode implements TargetCode {
  readonly hasRelocations = false;
  readonly isOpenEnded = true;
  readonly #addresses = new Map<ElfSection, bigint>();
  #kin: ReadonlyMap<string, readonly TableSymbol[]> | undefined;

  constructor(
    readonly table: TargetTable,
    readonly code: KernelCode,
    readonly arch: Arch,
    readonly names: NameRules = BUILT_IN_NAMES,
  ) {}

  named(name: string, like: ElfSymbol): ElfSymbol[] {
    return this.#defined(name).flatMap((symbol) => this.#twins(symbol, like));
  }

  kinOf(name: string, like: ElfSymbol): ElfSymbol[] {
    // The same compiler numbers alike, so that most are found without the stems of 130,000 names.
    const exact = this.named(name, like).filter(({ size }) => size === like.size);
    return exact.length > 0 ? exact : this.#kinOf(name).flatMap((symbol) => this.#twins(symbol, like));
  }

  found({ name, address }: TargetSymbol, like: ElfSymbol): ElfSymbol[] {
    const symbols = this.#defined(name).filter(({ value }) => value === address);
    return symbols.flatMap((symbol) => this.#twins(symbol, like));
  }

  inPlace({ stretch: { section, symbol }, offset, relocation, bias, arch }: OperandPlace): Reference | undefined {
    const start = this.#addresses.get(section);
    if (bias === undefined || start === undefined) return undefined;
    const target = arch.linkedTarget?.(section, { ...relocation, offset }, bias, low(start));
    return target === undefined ? undefined : { symbol, offset: target - low(start) };
  }

  means(theirs: Reference, ours: Reference, own: CodeIndex): boolean {
    const start = theirs.symbol.section && this.#addresses.get(theirs.symbol.section);
    if (start === undefined) return true;
    const address = start + BigInt(theirs.offset);
    const text = own.text(ours);
    if (text !== undefined) return this.#hasText(address, text);
    const known = own
      .places(ours)
      .flatMap((place) => this.#candidates(place.name).map((symbol) => ({ place, symbol })));
    return known.length === 0 || known.some(({ place, symbol }) => isAt(address, place, symbol));
  }

  #defined(name: string): TableSymbol[] {
    return this.table.named(name).filter(({ place }) => place !== 'undefined');
  }

  #kinOf(name: string): readonly TableSymbol[] {
    this.#kin ??= groupBy(
      this.table.symbols.filter(({ name: one, place }) => place !== 'undefined' && isDrifting(one, this.names)),
      (symbol) => stemOf(symbol.name, this.names),
    );
    return this.#kin.get(stemOf(name, this.names)) ?? [];
  }

  #candidates(name: string): readonly TableSymbol[] {
    return isDrifting(name, this.names) ? [...this.#defined(name), ...this.#kinOf(name)] : this.#defined(name);
  }

  #twins(symbol: TableSymbol, like: ElfSymbol): ElfSymbol[] {
    const { name, value, bind, type } = symbol;
    if (type !== like.type) return [];
    const room = symbol.room === undefined ? symbol.size : Math.min(symbol.room, mostRoom);
    const twin = (size: number, content: Uint8Array = new Uint8Array(0)) => {
      const section = codeSection(content);
      this.#addresses.set(section, value);
      return new ElfSymbol({ name, place: section, size, bind, type });
    };
    if (type !== STT.FUNC) return [twin(symbol.room === undefined || room < like.size ? room : like.size)];
    const content = this.code.bytes(value, room);
    return content === undefined ? [] : [twin(symbol.room === undefined ? room : this.#codeEnd(content), content)];
  }

  /** Where the padding begins that fills the end of `content`; for a person, since what ends a function may look like padding. */
  #codeEnd(content: Uint8Array): number {
    const { arch } = this;
    let end = content.length;
    while (end > 0 && content[end - 1] === arch.fillByte) end -= 1;
    const section = codeSection(content.subarray(0, end));
    for (const instruction of (arch.instructions(section) ?? []).toReversed()) {
      if (arch.jumps?.isPadding(section, instruction) !== true) break;
      end = instruction.offset;
    }
    return end;
  }

  #hasText(address: bigint, text: string): boolean {
    const bytes = this.code.bytes(address, longestText);
    const end = bytes?.indexOf(0) ?? -1;
    return (
      bytes === undefined || end === -1 || isSameText(text, Buffer.from(bytes.subarray(0, end)).toString('latin1'))
    );
  }
}

function codeSection(content: Uint8Array): ElfSection {
  return new ElfSection({ name: '.text', type: SHT.PROGBITS, flags: SHF.ALLOC | SHF.EXECINSTR, content });
}

function isAt(address: bigint, { offset }: NamedPlace, { value, size, room }: TableSymbol): boolean {
  const distance = low(address - value);
  return offset === 'within' ? distance < (room ?? size) : distance === low(BigInt(offset));
}

/** The last 32 bits; see `Arch.linkedTarget`. */
function low(address: bigint): number {
  return Number(BigInt.asUintN(32, address));
}
