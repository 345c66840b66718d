/** Files that provoke the findings of `elf`. */
import type { elfMessages } from '../../src/diagnostics/elf-messages.js';
import { SHT } from '../../src/elf/constants.js';
import { readElf } from '../../src/elf/read.js';
import { writeElf } from '../../src/elf/write.js';
import { buildRichObject, ObjectBuilder } from '../builders/elf.js';
import type { Provocations } from './provocation.js';

/** The rich object with the byte at `offset` replaced. */
function withByte(offset: number, value: number): Uint8Array {
  const bytes = writeElf(buildRichObject());
  bytes[offset] = value;
  return bytes;
}

function withRelTable(): Uint8Array {
  const builder = new ObjectBuilder();
  builder.section({ name: '.rel.text', type: SHT.REL, entrySize: 16, content: new Uint8Array(16) });
  return writeElf(builder.build());
}

export const elfProvocations = {
  'elf-not-elf': () => readElf(Buffer.from('#!/bin/sh\n'), 'script.o'),
  'elf-class-unsupported': () => readElf(withByte(4, 1), 'narrow.o'),
  'elf-not-relocatable': () => readElf(withByte(16, 2), 'vmlinux'),
  'elf-rel-table': () => readElf(withRelTable(), 'rel.o'),
  'elf-truncated': () => readElf(writeElf(buildRichObject()).subarray(0, -1), 'short.o'),
  'elf-malformed': () => readElf(withByte(58, 40), 'odd.o'),
} satisfies Provocations<typeof elfMessages>;
