/** Made-up kernels for tests: an ELF file with a list of sealed functions, alone and within a boot image. */
import { gzipSync } from 'node:zlib';
import { ET, SHF, SHT } from '../../../src/elf/constants.js';
import { writeElf } from '../../../src/elf/write.js';
import { ObjectBuilder } from '../../builders/elf.js';
import { ElfBytes } from '../../builders/elf-bytes.js';

/** Where the list lies in memory. */
const listAddress = 0xffff_ffff_8360_0000n;

/** A kernel that seals the functions at these addresses; without any it is one that has no list. */
export function kernelThatSeals(...addresses: readonly bigint[]): Uint8Array {
  const builder = new ObjectBuilder();
  builder.section({ name: '.text', type: SHT.PROGBITS, flags: SHF.ALLOC | SHF.EXECINSTR, content: new Uint8Array(64) });
  if (addresses.length === 0) return writeElf(builder.build());
  const content = Buffer.alloc(addresses.length * 4);
  for (const [index, address] of addresses.entries()) {
    content.writeInt32LE(Number(address - (listAddress + BigInt(index * 4))), index * 4);
  }
  builder.section({ name: '.ibt_endbr_seal', type: SHT.PROGBITS, flags: SHF.ALLOC, content });
  return new ElfBytes(writeElf(builder.build()))
    .file('e_type', ET.EXEC)
    .section('.ibt_endbr_seal', 'sh_addr', listAddress).bytes;
}

export interface ImageParts {
  readonly payload?: Uint8Array;
  /** Version of the boot protocol. */
  readonly version?: number;
  readonly magic?: string;
  /** What the header says, where it is not true. */
  readonly payloadLength?: number;
  readonly setupSectors?: number;
}

/** A boot image of x86: the boot sector, the setup sectors, some code, the payload, and something behind it. */
export function bootImage(parts: ImageParts = {}): Uint8Array {
  const { payload = gzipSync(kernelThatSeals()), version = 0x20f, magic = 'HdrS', setupSectors = 3 } = parts;
  const code = 0x2c;
  const image = Buffer.alloc(((setupSectors || 4) + 1) * 512 + code);
  image[0x1f1] = setupSectors;
  image.write(magic, 0x202, 'latin1');
  image.writeUInt16LE(version, 0x206);
  image.writeUInt32LE(code, 0x248);
  image.writeUInt32LE(parts.payloadLength ?? payload.length, 0x24c);
  return Buffer.concat([image, payload, Buffer.from('the end')]);
}

/** As the kernel's build packs it with anything but gzip: the unpacked size, four bytes, behind it. */
export function withSize(packed: Uint8Array, size: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(size);
  return Buffer.concat([packed, bytes]);
}
