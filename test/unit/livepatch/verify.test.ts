import { describe, expect, test } from 'vitest';
import type { Diagnostic } from '../../../src/diagnostics/diagnostic.js';
import { SHF, SHT, STB } from '../../../src/elf/constants.js';
import { type ElfObject, ElfSection, ElfSymbol } from '../../../src/elf/object.js';
import { readElf } from '../../../src/elf/read.js';
import { writeElf } from '../../../src/elf/write.js';
import { type ModuleExpectations, verifyModule } from '../../../src/livepatch/verify.js';
import { finishedToy, sectionNamed, symbolNamed, toyExpectations } from '../../builders/livepatch.js';
import { livepatchProvocations } from '../../provocations/livepatch.js';

function codes(module: ElfObject, expected: Partial<ModuleExpectations> = {}): string[] {
  return verifyModule(module, { ...toyExpectations, ...expected }).map(({ code }) => code);
}

test('a sound module, read back from its file, has no findings', () => {
  expect(codes(readElf(writeElf(finishedToy()), 'livepatch-toy.ko'))).toEqual([]);
});

// Each damage is one finding and not a heap of them, so that the code names the cause.
const damages = Object.entries(livepatchProvocations).filter(([code]) => code.startsWith('verify-'));
test.each(damages)('%s alone', async (code, run) => {
  if (typeof run !== 'function') throw new Error(`${code} needs a machine`);
  const findings = (await run()) as Diagnostic[];
  expect(findings.map((finding) => finding.code)).toEqual([code]);
});

describe('vermagic', () => {
  test('the whole text is compared where the target’s is known', () => {
    expect(codes(finishedToy(), { vermagic: '6.1.0-9-amd64 SMP mod_unload' })).toEqual([]);
    expect(codes(finishedToy(), { vermagic: '6.1.0-9-amd64 SMP preempt mod_unload' })).toEqual(['verify-vermagic']);
  });

  test('a release is not taken for another that begins with it', () => {
    expect(codes(finishedToy(), { release: '6.1.0-9' })).toEqual(['verify-vermagic']);
  });
});

describe('undefined symbols', () => {
  test('the finding names the users', () => {
    const module = finishedToy();
    const [finding] = verifyModule(module, { ...toyExpectations, exports: new Map() });
    expect(finding?.code).toBe('verify-undefined-symbol');
    expect(finding?.details).toEqual(['used at .text.toy_show+0x1']);
  });

  test('weak ones may stay undefined', () => {
    const module = finishedToy();
    module.symbols.push(new ElfSymbol({ name: 'maybe', place: 'undefined', bind: STB.WEAK }));
    expect(codes(module)).toEqual([]);
  });
});

describe('checksums', () => {
  test('of long names are in the extended tables', () => {
    const module = finishedToy();
    const add = (name: string, content: Uint8Array) =>
      module.sections.push(new ElfSection({ name, type: SHT.PROGBITS, flags: SHF.ALLOC, content }));
    const long = 'a'.repeat(70);
    add('__version_ext_crcs', Uint8Array.from([1, 0, 0, 0, 2, 0, 0, 0]));
    add('__version_ext_names', Buffer.from(`${long}\0other\0`));
    const exports = new Map([...toyExpectations.exports, [long, 1], ['other', 2]]);
    expect(codes(module, { exports })).toEqual([]);
    expect(codes(module, { exports: new Map([...exports, ['other', 3]]) })).toEqual(['verify-crc']);
  });
});

describe('tables of entries', () => {
  const withTable = (size: number, alignment: number): ElfObject => {
    const module = finishedToy();
    const content = new Uint8Array(size);
    module.sections.push(
      new ElfSection({ name: '.parainstructions', type: SHT.PROGBITS, flags: SHF.ALLOC, alignment, content }),
    );
    return module;
  };
  const entrySizes = new Map([['.parainstructions', 16]]);

  test('the padding of the last entry may be missing', () => {
    expect(codes(withTable(16 + 10, 8), { entrySizes })).toEqual([]);
  });

  test('more may not', () => {
    expect(codes(withTable(16 + 10, 1), { entrySizes })).toEqual(['verify-entry-size']);
    expect(codes(withTable(16 + 4, 8), { entrySizes })).toEqual(['verify-entry-size']);
  });
});

describe('what vmlinux relocates while the livepatch is loaded', () => {
  test('may be in tables that are read afterwards', () => {
    const module = finishedToy();
    const text = sectionNamed(module, '.text.toy_show');
    const table = text.extraRelocationTables.pop();
    if (table === undefined) throw new Error('the livepatch has no table');
    const section = new ElfSection({
      name: '__jump_table',
      type: SHT.PROGBITS,
      flags: SHF.ALLOC,
      content: new Uint8Array(32),
    });
    section.extraRelocationTables.push({ ...table, name: '.klp.rela.vmlinux.__jump_table' });
    module.sections.push(section);
    expect(codes(module)).toEqual([]);
  });
});

test('a redirection into the middle of a function is found', () => {
  const module = finishedToy();
  const pointer = sectionNamed(module, '.data').relocations.find(({ offset }) => offset === 8);
  if (pointer !== undefined) pointer.addend = 4;
  expect(codes(module)).toEqual(['verify-function-target']);
});

test('a position that is not the expected one is two findings', () => {
  const module = finishedToy();
  sectionNamed(module, '.data').content[16] = 2;
  expect(codes(module)).toEqual(['verify-function-missing', 'verify-function-unexpected']);
});

test('the table of objects must fit the number of function tables', () => {
  const module = finishedToy();
  symbolNamed(module, 'kptool_objects').size = 81;
  expect(codes(module)).toEqual(['verify-functions-unreadable']);
});

describe('what is no longer there when it is needed', () => {
  const moved = (object: string, name: string, flags: number): string[] => {
    const module = finishedToy();
    const text = sectionNamed(module, '.text.toy_show');
    const index = text.extraRelocationTables.findIndex((table) => table.name.startsWith(`.klp.rela.${object}.`));
    const [table] = text.extraRelocationTables.splice(index, 1);
    if (table === undefined) throw new Error(`${object} has no table`);
    const section = new ElfSection({ name, type: SHT.PROGBITS, flags, content: new Uint8Array(32) });
    section.extraRelocationTables.push({ ...table, name: `.klp.rela.${object}.${name}` });
    module.sections.push(section);
    return codes(module);
  };

  test('code of the initialisation, for modules', () => {
    expect(moved('toy', '.init.text', SHF.ALLOC)).toEqual(['verify-klp-table-target']);
    expect(moved('vmlinux', '.init.text', SHF.ALLOC)).toEqual([]);
  });

  test('sections that are not loaded, for all', () => {
    expect(moved('toy', '.debug_info', 0)).toEqual(['verify-klp-table-target']);
    expect(moved('vmlinux', '.debug_info', 0)).toEqual(['verify-klp-table-target']);
  });

  test('a replacement that is freed after loading', () => {
    const module = finishedToy();
    const text = sectionNamed(module, '.text.toy_show');
    text.name = '.init.text';
    text.extraRelocationTables = [];
    module.symbols.splice(0, module.symbols.length, ...module.symbols.filter(({ place }) => place !== 'livepatch'));
    expect(codes(module)).toEqual(['verify-function-target']);
  });
});

test('an object without a name is vmlinux', () => {
  const module = finishedToy();
  const data = sectionNamed(module, '.data');
  data.relocations = data.relocations.filter(({ offset }) => offset !== symbolNamed(module, 'kptool_objects').value);
  sectionNamed(module, '.text.toy_show').extraRelocationTables.shift();
  module.symbols.splice(module.symbols.indexOf(symbolNamed(module, '.klp.sym.toy.toy_find,2')), 1);
  expect(codes(module, { functions: [{ object: 'vmlinux', name: 'toy_show', sympos: 1 }] })).toEqual([]);
});
