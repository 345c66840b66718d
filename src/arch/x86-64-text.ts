/**
 * x86-64 instructions in the AT&T notation that the kernel's own tools print. The disassembler knows nothing of
 * relocations; it is given a number of our own in place of each relocated field, which is then replaced by the name.
 */
import type { Instruction as Decoded, Formatter } from 'iced-x86';
import type { ElfSection, Relocation } from '../elf/object.js';
import type { Instruction, InstructionWords } from './arch.js';
import { iced } from './iced.js';

const R_X86_64_NONE = 0;
/** Types whose field is not 4 bytes long (ABI supplement, table 4.9). */
const fieldSizes = new Map([
  [1, 8], // R_X86_64_64
  [12, 2], // R_X86_64_16
  [13, 2], // R_X86_64_PC16
  [14, 1], // R_X86_64_8
  [15, 1], // R_X86_64_PC8
  [24, 8], // R_X86_64_PC64
]);

/** Positive in 32 bits, and no number that code is likely to hold. */
const firstPlaceholder = 0x5a17c3e0;

let formatter: Formatter | undefined;

/** Made on first use: most runs never print an instruction. */
function sharedFormatter(): Formatter {
  if (formatter !== undefined) return formatter;
  const { Formatter, FormatterSyntax } = iced();
  formatter = new Formatter(FormatterSyntax.Gas);
  formatter.ripRelativeAddresses = true;
  formatter.uppercaseHex = false;
  formatter.branchLeadingZeros = false;
  formatter.smallHexNumbersInDecimal = false;
  formatter.signedImmediateOperands = true;
  return formatter;
}

interface Placeholder {
  readonly value: number;
  readonly relocation: Relocation;
}

/**
 * `mov $0x5,%esi`, `call printk`, `jne foo+0x23`.
 * @param instruction one of `Arch.instructions` of the section
 */
export function assemblyText(section: ElfSection, instruction: Instruction, words: InstructionWords): string {
  // A copy; `slice` of a Buffer would be none.
  const bytes = Uint8Array.from(section.content.subarray(instruction.offset, instruction.offset + instruction.length));
  const placeholders = fillFields(bytes, section, instruction);
  const { Decoder, DecoderOptions, OpKind } = iced();
  const decoder = new Decoder(64, bytes, DecoderOptions.None);
  // Set before decoding: branch targets count from the start of the section then.
  decoder.ip = BigInt(instruction.offset);
  const decoded = decoder.decode();
  try {
    let text = sharedFormatter().format(decoded);
    for (const placeholder of placeholders) text = putReference(text, placeholder, decoded, words);
    if (decoded.op0Kind !== OpKind.NearBranch64 || placeholders.length > 0) return text;
    const target = decoded.nearBranch64;
    return text.replace(`0x${target.toString(16)}`, () => words.place(Number(BigInt.asIntN(64, target))));
  } finally {
    decoded.free();
    decoder.free();
  }
}

/** Writes a number of its own into each relocated field that holds one. */
function fillFields(bytes: Uint8Array, section: ElfSection, { offset, length }: Instruction): Placeholder[] {
  const placeholders: Placeholder[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const relocation of section.relocations) {
    const at = relocation.offset - offset;
    if (at < 0 || at >= length || relocation.type === R_X86_64_NONE) continue;
    const value = firstPlaceholder + placeholders.length;
    placeholders.push({ value, relocation });
    const size = fieldSizes.get(relocation.type) ?? 4;
    if (size < 4 || at + size > length) continue;
    view.setUint32(at, value, true);
    if (size === 8) view.setUint32(at + 4, 0, true);
  }
  return placeholders;
}

/** The name in place of the number; behind the instruction where the number does not show. */
function putReference(text: string, { value, relocation }: Placeholder, decoded: Decoded, words: InstructionWords) {
  const name = words.reference(relocation);
  const { OpKind } = iced();
  const numbers = [value, decoded.op0Kind === OpKind.NearBranch64 ? decoded.nearBranch64 : value];
  for (const number of numbers) {
    const shown = `0x${number.toString(16)}`;
    if (text.includes(shown)) return text.replace(shown, () => name);
  }
  return `${text} # ${name}`;
}
