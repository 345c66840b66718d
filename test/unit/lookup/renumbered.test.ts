/** Names whose numbers the target has otherwise: what is found under another number, and what is not guessed. */
import { describe, expect, test } from 'vitest';
import { createLookup } from '../../../src/lookup/create-lookup.js';
import { nameRules } from '../../../src/lookup/drifting-names.js';
import { indexExports } from '../../../src/lookup/exports.js';
import type { LookupAnswer } from '../../../src/lookup/lookup.js';
import { type FileRow, FUNC, OBJECT, objectOf, type Row, tableOf } from '../../builders/symbols.js';

const open = { name: 'open', size: 32 };
const data = (name: string, size: number): Row => ({ name, size, type: OBJECT });
const clone = (name: string, size = 32): Row => ({ name, size });
const cm = (...rows: Row[]): (Row | FileRow)[] => [{ file: 'cm.c' }, open, ...rows, { file: 'mad.c' }, clone('send')];

function ask(
  name: string,
  type: number,
  ours: readonly Row[],
  target: readonly (Row | FileRow)[],
  names = nameRules({}),
) {
  const input = { objectName: 'ib_cm', table: tableOf(target), exports: indexExports([]), names };
  return createLookup({ ...input, original: objectOf('cm.c', [open, ...ours]) }).local(name, type);
}

function brief(answer: LookupAnswer): string {
  return answer.kind === 'found' ? `${answer.level}:${answer.symbol.name}` : answer.kind;
}

describe('in the object’s own file, the only one of its size', () => {
  test('the target has a further static local in front', () => {
    const target = cm(data('state.0', 4), data('state.1', 64));
    expect(brief(ask('state.0', OBJECT, [data('state.0', 64)], target))).toBe('9:state.1');
  });

  test('missing: two of its size', () => {
    const target = cm(data('state.1', 64), data('state.2', 64));
    expect(ask('state.0', OBJECT, [data('state.0', 64)], target)).toEqual({
      kind: 'missing',
      reason: 'its number may have changed: the object has 1 symbols like it, the target state.1, state.2',
    });
  });

  test('missing: the object has two of its size', () => {
    const ours = [data('state.0', 64), data('state.3', 64)];
    expect(brief(ask('state.0', OBJECT, ours, cm(data('state.1', 64), data('state.2', 8))))).toBe('missing');
  });

  test('the numbers are exchanged', () => {
    const ours = [data('state.0', 4), data('state.1', 8)];
    const target = cm(data('state.0', 8), data('state.1', 4));
    expect(brief(ask('state.0', OBJECT, ours, target))).toBe('9:state.1');
    expect(brief(ask('state.1', OBJECT, ours, target))).toBe('9:state.0');
  });

  test('missing: without FILE symbols they may be any object’s', () => {
    const target = [open, data('state.0', 4), data('state.1', 64)];
    expect(brief(ask('state.0', OBJECT, [data('state.0', 64)], target))).toBe('missing');
  });
});

describe('the very number, where the numbers are not the target’s', () => {
  test('missing: a further one of its size in the target', () => {
    const target = cm(data('state.0', 4), data('state.1', 4));
    expect(brief(ask('state.0', OBJECT, [data('state.0', 4)], target))).toBe('missing');
  });

  test('missing: one less of its size in the target', () => {
    const ours = [data('state.0', 4), data('state.1', 4)];
    expect(brief(ask('state.0', OBJECT, ours, cm(data('state.0', 4))))).toBe('missing');
  });

  test('found: both have the same ones of its size, others differ', () => {
    const ours = [data('state.0', 4), data('state.1', 4), data('state.2', 8)];
    const target = cm(data('state.0', 4), data('state.1', 4), data('state.2', 16), data('state.3', 8));
    expect(brief(ask('state.1', OBJECT, ours, target))).toBe('3:state.1');
  });

  test('found: what the object has more of its size lies in a section that the link drops', () => {
    const ours = [data('state.0', 4), { ...data('state.1', 4), section: '.discard.once' }];
    expect(brief(ask('state.0', OBJECT, ours, cm(data('state.0', 4))))).toBe('3:state.0');
  });

  test('clones likewise, of which the only one may have another size', () => {
    const ours = [clone('send.isra.0')];
    const asked = (...target: Row[]) => brief(ask('send.isra.0', FUNC, ours, cm(...target)));
    expect(asked(clone('send.isra.0', 80), clone('send.isra.1'))).toBe('9:send.isra.1');
    expect(asked(clone('send.isra.0'), clone('send.isra.1'))).toBe('missing');
    expect(asked(clone('send.isra.0', 36))).toBe('3:send.isra.0');
  });
});

describe('names of the configuration', () => {
  const ours = [data('__my_id_4', 24)];
  const target = cm(data('__my_id_9', 24));

  test('are found under another number when they are told', () => {
    expect(brief(ask('__my_id_4', OBJECT, ours, target))).toBe('missing');
    expect(brief(ask('__my_id_4', OBJECT, ours, target, nameRules({ drifting: ['__my_id_#'] })))).toBe('9:__my_id_9');
  });

  test('do not count against the object’s file', () => {
    const helper = clone('helper');
    const tools = [clone('__tool_1'), clone('__tool_2'), clone('__tool_3')];
    const both = [{ file: 'cm.c' }, open, helper, { file: 'cm.c' }, open, helper, clone('another')];
    expect(brief(ask('helper', FUNC, [helper], both))).toBe('4:helper');
    const beside = [{ file: 'cm.c' }, open, helper, ...tools, { file: 'cm.c' }, open, helper, clone('another')];
    expect(brief(ask('helper', FUNC, [helper], beside))).toBe('ambiguous');
    const names = nameRules({ companions: ['__tool_*'] });
    expect(brief(ask('helper', FUNC, [helper], beside, names))).toBe('4:helper');
  });
});

test.each([
  '__pfx_helper',
  '__export_symbol_helper',
  '__gendwarfksyms_ptr_helper',
  '__addressable_helper',
  '__cfi_helper',
])('%s in the target is no further function of the file', (name) => {
  const helper = clone('helper');
  const target = [{ file: 'cm.c' }, open, helper, clone(name), { file: 'cm.c' }, open, helper, clone('another')];
  expect(brief(ask('helper', FUNC, [helper], target))).toBe('4:helper');
});
