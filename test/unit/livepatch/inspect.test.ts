import { describe, expect, test } from 'vitest';
import { inspectObject, renderInspectReport } from '../../../src/livepatch/inspect.js';
import { ObjectBuilder } from '../../builders/elf.js';
import { encodedToy, finishedToy, R_64, sectionNamed, symbolNamed } from '../../builders/livepatch.js';

test('a finished livepatch', () => {
  const module = finishedToy();
  expect(renderInspectReport(inspectObject(module, R_64)).join('\n')).toBe(`\
toy.o: livepatch module
  name livepatch_toy
  for 6.1.0-9-amd64 SMP mod_unload

replaced functions
  toy
    toy_show,1 by toy_show, 32 bytes

livepatch relocations: 2
  toy .text.toy_show
    toy_show+0x8 type 4 .klp.sym.toy.toy_find,2 - 4
  vmlinux .text.toy_show
    toy_show+0x10 type 4 .klp.sym.vmlinux.jiffies_hidden,0 - 4

livepatch symbols: 2
  toy
    toy_find,2
  vmlinux
    jiffies_hidden`);
});

test('a diffed object', () => {
  expect(renderInspectReport(inspectObject(encodedToy().object, R_64)).join('\n')).toBe(`\
toy.o: diffed object

replaced functions
  toy
    toy_show,1 by toy_show, 32 bytes

livepatch relocations: 2
  toy .text.toy_show
    toy_show+0x8 type 4 toy:toy_find,2 - 4
  vmlinux .text.toy_show
    toy_show+0x10 type 4 vmlinux:jiffies_hidden - 4

livepatch symbols: 2
  toy
    toy_find,2
  vmlinux
    jiffies_hidden`);
});

test('an ordinary object', () => {
  const report = inspectObject(new ObjectBuilder().build('plain.o'), R_64);
  expect(report).toEqual({
    file: 'plain.o',
    kind: 'other',
    functions: [],
    callbacks: [],
    relocations: [],
    symbols: [],
  });
  expect(renderInspectReport(report)).toEqual(['plain.o: no livepatch and no diffed object']);
});

describe('a livepatch of another tool', () => {
  test('says that its functions are not known', () => {
    const module = finishedToy();
    symbolNamed(module, 'kptool_objects').name = 'objs';
    const lines = renderInspectReport(inspectObject(module, R_64));
    expect(lines).toContain('  not known: it has no table kptool_objects, as modules built by kptool have');
    expect(lines).toContain('livepatch relocations: 2');
  });

  test('is read from the tables that kpatch leaves', () => {
    const { object } = encodedToy();
    const modinfo = sectionNamed(finishedToy(), '.modinfo');
    object.sections.push(modinfo);
    const report = inspectObject(object, R_64);
    expect(report.kind).toBe('livepatch');
    expect(report.functions.map(({ object: klpObject, name }) => [klpObject, name])).toEqual([['toy', 'toy_show']]);
  });
});

test('a symbol whose name the kernel would refuse is shown as it is', () => {
  const module = finishedToy();
  symbolNamed(module, '.klp.sym.toy.toy_find,2').name = 'odd';
  expect(inspectObject(module, R_64).symbols[0]).toEqual({ object: '?', name: 'odd', sympos: 0 });
});

describe('a place is told by', () => {
  const placesWith = (value: number, size: number): string[] => {
    const module = finishedToy();
    Object.assign(symbolNamed(module, 'toy_show'), { value, size });
    return inspectObject(module, R_64).relocations.map(({ place }) => place);
  };

  test('the function that covers it', () => {
    expect(placesWith(0, 32)).toEqual(['toy_show+0x8', 'toy_show+0x10']);
    expect(placesWith(8, 24)).toEqual(['toy_show', 'toy_show+0x8']);
  });

  test('its section where none does', () => {
    expect(placesWith(12, 20)).toEqual(['.text.toy_show+0x8', 'toy_show+0x4']);
    expect(placesWith(0, 16)).toEqual(['toy_show+0x8', '.text.toy_show+0x10']);
  });
});
