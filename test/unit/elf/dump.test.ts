import { expect, test } from 'vitest';
import { SHT } from '../../../src/elf/constants.js';
import { dumpElf } from '../../../src/elf/dump.js';
import { noSymbol } from '../../../src/elf/object.js';
import { buildRichObject, ObjectBuilder } from '../../builders/elf.js';

test('the rich object as text', () => {
  const names = new Map([[4, 'R_X86_64_PLT32']]);
  expect(dumpElf(buildRichObject(), (type) => names.get(type) ?? `type ${type}`)).toBe(`sections
  .group GROUP - size 0x0 align 4 entries 4 COMDAT größe: .text.inline
  .text PROGBITS AX size 0x15 align 16
  .text.inline PROGBITS AXG size 0x8 align 1
  .bss NOBITS WA size 0x48 align 64
  __patchable_function_entries PROGBITS WAL size 0x8 align 8 with .text
  .rodata.str1.1 PROGBITS AMS size 0xa align 1 entries 1
symbols
  mad.c LOCAL FILE absolute size 0x0
  minus_one LOCAL NOTYPE absolute -0x1 size 0x0
  .rodata.str1.1 LOCAL SECTION .rodata.str1.1+0x0 size 0x0
  .text LOCAL SECTION .text+0x0 size 0x0
  agents LOCAL OBJECT .bss+0x8 size 0x40
  mad_send GLOBAL FUNC .text+0x0 size 0x15
  größe WEAK FUNC .text.inline+0x0 size 0x8 other 0x2
  _printk GLOBAL NOTYPE undefined size 0x0
  shared GLOBAL OBJECT common 0x8 size 0x10
  .klp.sym.ib_mad.find,1 GLOBAL FUNC livepatch size 0x0 other 0x60
relocations of .text
  +0x1 type 2 .rodata.str1.1-0x4
  +0x6 R_X86_64_PLT32 _printk+0x100000000
.klp.rela.ib_mad..text AIV of .text
  +0x10 R_X86_64_PLT32 .klp.sym.ib_mad.find,1-0x4
relocations of .text.inline
  +0x0 R_X86_64_PLT32 mad_send-0x100000001
relocations of __patchable_function_entries
  +0x0 type 1 größe+0x0
`);
});

test('numbers without a name, and relocations without symbol', () => {
  const builder = new ObjectBuilder();
  const section = builder.section({
    name: '.odd',
    type: 0x7000_0001,
    flags: 0x1_0000_0006,
    content: new Uint8Array(1),
  });
  section.relocations.push({ offset: 0, type: 51, symbol: noSymbol, addend: 0 });
  const group = builder.section({ name: '.group', type: SHT.GROUP });
  group.group = { flags: 0, signature: builder.sectionSymbol(section), members: [section] };
  expect(dumpElf(builder.build())).toBe(`sections
  .odd 0x70000001 AX+0x100000000 size 0x1 align 1
  .group GROUP - size 0x0 align 1 0x0 .odd: .odd
symbols
  .odd LOCAL SECTION .odd+0x0 size 0x0
relocations of .odd
  +0x0 51 (none)+0x0
`);
});
