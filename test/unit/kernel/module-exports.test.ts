import { describe, expect, test } from 'vitest';
import { SHT } from '../../../src/elf/constants.js';
import { readImage } from '../../../src/elf/image.js';
import { writeElf } from '../../../src/elf/write.js';
import { checksumsOf, exportedSymbols } from '../../../src/kernel/module-exports.js';
import { moduleFromImage } from '../../../src/kernel/module-file.js';
import { ObjectBuilder } from '../../builders/elf.js';
import { vermagicOf } from './target.js';

function imageWith(fill: (builder: ObjectBuilder) => void) {
  const builder = new ObjectBuilder();
  const information = Buffer.from(['name=mad_keys', vermagicOf('6.1.0-1-amd64')].map((text) => `${text}\0`).join(''));
  builder.section({ name: '.modinfo', type: SHT.PROGBITS, content: information });
  fill(builder);
  return readImage(writeElf(builder.build()), 'mad_keys.ko');
}

const section = (builder: ObjectBuilder, name: string, content: Buffer) =>
  builder.section({ name, type: SHT.PROGBITS, content });

test('a module of a kernel since 5.19: checksums and namespaces stand in sections', () => {
  const image = imageWith((builder) => {
    const crcs = section(builder, '__kcrctab_gpl', Buffer.from([9, 9, 9, 9, 0x1f, 0x4d, 0xb3, 0xd0]));
    const texts = section(builder, '__ksymtab_strings', Buffer.from('mad_key\0MAD_KEYS\0mad_step\0\0'));
    const gpl = section(builder, '__ksymtab_gpl', Buffer.alloc(12));
    const plain = section(builder, '__ksymtab', Buffer.alloc(12));
    builder.symbol({ name: '__crc_mad_key', place: crcs, value: 4 });
    builder.symbol({ name: '__kstrtabns_mad_key', place: texts, value: 8 });
    builder.symbol({ name: '__ksymtab_mad_key', place: gpl });
    builder.symbol({ name: '__ksymtab_mad_step', place: plain });
    builder.symbol({ name: '__kstrtabns_mad_step', place: texts, value: 26 });
  });
  const owner = { module: 'mad_keys', moduleName: 'mad_keys' };
  expect(exportedSymbols(moduleFromImage(image, 'mad_keys.ko'))).toEqual([
    { name: 'mad_key', crc: 0xd0b34d1f, namespace: 'MAD_KEYS', exportType: 'EXPORT_SYMBOL_GPL', ...owner },
    { name: 'mad_step', crc: 0, namespace: '', exportType: 'EXPORT_SYMBOL', ...owner },
  ]);
});

describe('checksumsOf', () => {
  test('an absolute symbol is the number itself', () => {
    const image = imageWith((builder) =>
      builder.symbol({ name: '__crc_mad_key', place: 'absolute', value: 0xd0b34d1f }),
    );
    expect([...checksumsOf(image)]).toEqual([['mad_key', 0xd0b34d1f]]);
  });

  test('one that is not made yet, or lies behind its section, is none', () => {
    const image = imageWith((builder) => {
      const crcs = section(builder, '__kcrctab', Buffer.alloc(6));
      builder.undefinedSymbol('__crc_mad_key');
      builder.symbol({ name: '__crc_mad_step', place: crcs, value: 4 });
    });
    expect([...checksumsOf(image)]).toEqual([]);
  });
});
