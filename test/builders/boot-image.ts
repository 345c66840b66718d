/** A boot image of an x86 kernel: a setup header, and a payload packed with gzip (Documentation/x86/boot.rst). */
import { gzipSync } from 'node:zlib';
import { SHF, SHT } from '../../src/elf/constants.js';
import { writeElf } from '../../src/elf/write.js';
import { ObjectBuilder } from './elf.js';

const sectors = 2;

/** `payload` behind the header; `version` is what the boot loader may show. */
export function bootImage(payload: Uint8Array, version = '6.1.0-13-amd64 (build@host) #1'): Buffer {
  const setup = Buffer.alloc((sectors + 1) * 512);
  setup[0x1f1] = sectors;
  setup.write('HdrS', 0x202, 'latin1');
  setup.writeUInt16LE(0x20f, 0x206);
  setup.writeUInt16LE(0x300 - 0x200, 0x20e);
  setup.write(`${version}\0`, 0x300, 'latin1');
  const start = 64;
  setup.writeUInt32LE(start, 0x248);
  setup.writeUInt32LE(payload.length, 0x24c);
  return Buffer.concat([setup, Buffer.alloc(start), payload, Buffer.alloc(32)]);
}

/** The ELF file in a boot image: text at 0, since it was never linked, and kallsyms in `.rodata`. */
export function kernelElf(rodata: Uint8Array): Uint8Array {
  const builder = new ObjectBuilder();
  const flags = SHF.ALLOC | SHF.EXECINSTR;
  builder.section({ name: '.text', type: SHT.PROGBITS, flags, content: new Uint8Array(64) });
  builder.section({ name: '.rodata', type: SHT.PROGBITS, flags: SHF.ALLOC, content: rodata });
  return writeElf(builder.build());
}

export const packed = (bytes: Uint8Array): Buffer => gzipSync(bytes);
