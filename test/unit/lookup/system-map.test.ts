/** Reading `System.map`, and what the lookup can and cannot say with it. */
import { describe, expect, test } from 'vitest';
import { KptoolError } from '../../../src/diagnostics/diagnostic.js';
import { STB, STT } from '../../../src/elf/constants.js';
import { createLookup } from '../../../src/lookup/create-lookup.js';
import { indexExports } from '../../../src/lookup/exports.js';
import type { LookupAnswer } from '../../../src/lookup/lookup.js';
import { isSystemMap, parseSystemMap } from '../../../src/lookup/system-map.js';
import { FUNC, GLOBAL, OBJECT, objectOf, type Row } from '../../builders/symbols.js';

const map = (...lines: string[]) => `${lines.join('\n')}\n`;
const BASE = 0xffffffff81000000n;
const line = (offset: number, letter: string, name: string) =>
  `${(BASE + BigInt(offset)).toString(16)} ${letter} ${name}`;

function problemOf(text: string, objectName = 'vmlinux'): string {
  try {
    parseSystemMap(text, 'System.map', objectName);
  } catch (error) {
    if (error instanceof KptoolError) return error.message;
    throw error;
  }
  return 'none';
}

describe('letters of nm', () => {
  const cases: [string, Record<string, unknown>][] = [
    ['T', { type: STT.FUNC, bind: STB.GLOBAL }],
    ['t', { type: STT.FUNC, bind: STB.LOCAL }],
    ['W', { type: STT.FUNC, bind: STB.WEAK }],
    ['D', { type: STT.OBJECT, bind: STB.GLOBAL }],
    ['d', { type: STT.OBJECT, bind: STB.LOCAL }],
    ['B', { type: STT.OBJECT, bind: STB.GLOBAL }],
    ['b', { type: STT.OBJECT, bind: STB.LOCAL }],
    ['R', { type: STT.OBJECT, bind: STB.GLOBAL }],
    ['r', { type: STT.OBJECT, bind: STB.LOCAL }],
    ['V', { type: STT.OBJECT, bind: STB.WEAK }],
    ['w', { place: 'undefined', bind: STB.WEAK }],
    ['v', { place: 'undefined', bind: STB.WEAK }],
    ['A', { place: 'absolute', bind: STB.GLOBAL }],
  ];
  test.each(cases)('%s', (letter, expected) => {
    const text = map(line(0, 'T', '_stext'), line(16, letter, 'x'), line(64, 'T', '_etext'));
    expect(parseSystemMap(text, 'System.map').named('x')).toMatchObject([expected]);
  });
});

test('sorted by address, equal ones as they came; what lies in one kind of section has one place', () => {
  const text = map(line(64, 't', 'c'), line(0, 't', 'a'), line(64, 'T', 'd'), line(16, 't', 'b'));
  const { symbols, order, files } = parseSystemMap(text, 'System.map');
  expect(symbols.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd']);
  expect(new Set(symbols.map(({ place }) => place)).size).toBe(1);
  expect([order, files]).toEqual(['address', []]);
});

test('the room of a symbol ends at the next address, not at an alias', () => {
  const text = map(line(0, 't', 'a'), line(0, 'T', 'alias'), line(48, 'r', 'b'), line(64, 'T', 'last'));
  const rooms = parseSystemMap(text, 'System.map').symbols.map(({ room }) => room);
  expect(rooms).toEqual([48, 48, 16, Number.MAX_SAFE_INTEGER]);
});

test('what kallsyms leaves out is left out, and marks no end', () => {
  const ignored = ['.Lfoo', '$d', '__crc_x', 'L0'].map((name) => line(8, 't', name));
  const text = map(line(0, 't', 'a'), ...ignored, line(8, 'N', 'debug'), line(64, 'T', 'b'));
  const { symbols } = parseSystemMap(text, 'System.map');
  expect(symbols.map(({ name, room }) => [name, room])).toEqual([
    ['a', 64],
    ['b', Number.MAX_SAFE_INTEGER],
  ]);
});

test('/proc/kallsyms: symbols of modules are another object’s', () => {
  const text = map(line(0, 't', 'a'), line(16, 't', 'b'), `${line(32, 't', 'a')}\t[ib_cm]`);
  expect(parseSystemMap(text, 'kallsyms').named('a')).toHaveLength(1);
});

test('/proc/kallsyms: per-CPU data has the letter of absolute symbols, and counts as the kernel counts it', () => {
  const lines = (letter: string) =>
    map(`0000000000000000 ${letter} __per_cpu_start`, '0000000000001000 A stats', line(0, 't', 'stats'));
  const original = objectOf('cm.c', [{ name: 'stats', size: 16 }]);
  const positions = ['A', 'D'].map((letter) => {
    const table = parseSystemMap(lines(letter), 'kallsyms');
    const answer = createLookup({ objectName: 'vmlinux', original, table, exports: indexExports([]) }).local(
      'stats',
      FUNC,
    );
    return answer.kind === 'found' && answer.symbol.sympos;
  });
  expect(positions).toEqual([2, 1]);
});

test('/proc/kallsyms: per-CPU data of a name that is there once may be global, since its binding is not told', () => {
  const perCpu = (...names: string[]) => names.map((name, index) => `000000000000${index + 1}000 A ${name}`);
  const answer = (...names: string[]) => {
    const text = map('0000000000000000 A __per_cpu_start', ...perCpu(...names), line(0, 't', 'state'));
    const input = { objectName: 'vmlinux', original: objectOf('core.c', []), exports: indexExports([]) };
    return createLookup({ ...input, table: parseSystemMap(text, 'kallsyms') }).global('runqueues');
  };
  expect(answer('runqueues')).toMatchObject({ kind: 'found', level: 2, symbol: { name: 'runqueues', sympos: 1 } });
  expect(answer('runqueues', 'runqueues')).toMatchObject({ kind: 'missing' });
  expect(answer('stats')).toMatchObject({ kind: 'missing' });
});

test('addresses of 32 bits, undefined symbols, lines that end with CR', () => {
  const text = '         w _weak\r\n\r\nc0008000 T _text\r\nc0008010 t a\r\n';
  expect(isSystemMap(text)).toBe(true);
  expect(parseSystemMap(text, 'System.map').symbols.map(({ name, value }) => [name, value])).toEqual([
    ['_weak', 0n],
    ['_text', 0xc0008000n],
    ['a', 0xc0008010n],
  ]);
});

test('it is told from what readelf prints', () => {
  expect(isSystemMap(map(line(0, 'T', '_stext')))).toBe(true);
  expect(isSystemMap("\nSymbol table '.symtab' contains 2 entries:\n   Num:    Value")).toBe(false);
  expect(isSystemMap('     1: 0000000000000000     8 FUNC    GLOBAL DEFAULT    7 f')).toBe(false);
  expect(isSystemMap('')).toBe(false);
});

describe('what is refused, with file and line', () => {
  const good = map(line(0, 'T', '_stext'), line(16, 't', 'a'));
  test.each([
    ['a cut line', `${good}ffffffff8100`, 'System.map:3: not an address, a letter of nm and a name: «ffffffff8100»'],
    ['two names', `${good}${line(16, 't', 'a b')}`, 'System.map:3: not an address'],
    [
      'Debian’s placeholder',
      'ffffffffffffffff B The real System.map is in the linux-image-<version>-dbg package\n',
      'System.map:1: not an address',
    ],
    ['a map without symbols', map(line(0, 'T', '_stext')), 'System.map:1: only one symbol'],
    ['hidden addresses', map('0000000000000000 T a', '0000000000000000 t b'), 'all addresses are 0'],
  ])('%s', (_, text, problem) => {
    expect(problemOf(text)).toContain(problem);
    expect(problemOf(text)).toContain('[symtab-malformed]');
  });

  test('a module, whose positions it cannot tell', () => {
    expect(problemOf(good, 'ib_cm')).toContain('a list of addresses tells the symbols of vmlinux, not of ib_cm');
  });
});

describe('levels', () => {
  const f = (name: string, size = 40, bind?: number): Row => ({ name, size, ...(bind === undefined ? {} : { bind }) });
  const original = objectOf('cm.c', [f('cm_open'), f('helper'), f('cm_close'), f('cm_listen', 40, GLOBAL)]);

  function ask(name: string, type: number, lines: readonly string[], object = original): LookupAnswer {
    const table = parseSystemMap(map(...lines), 'System.map');
    return createLookup({ objectName: 'vmlinux', original: object, table, exports: indexExports([]) }).local(
      name,
      type,
    );
  }
  const brief = (answer: LookupAnswer) =>
    answer.kind === 'found' ? `${answer.level}:${answer.symbol.name}:${answer.symbol.sympos}` : answer.kind;
  const text = (names: readonly string[], from = 0, step = 48) =>
    names.map((name, place) => line(from + place * step, name === 'cm_listen' ? 'T' : 't', name));

  const cm = ['cm_open', 'helper', 'cm_close', 'cm_listen'];
  const mad = ['mad_open', 'helper', 'mad_close'];

  test('a global, and a local of unique name', () => {
    const table = parseSystemMap(map(...text(cm)), 'System.map');
    const lookup = createLookup({ objectName: 'vmlinux', original, table, exports: indexExports([]) });
    expect(brief(lookup.global('cm_listen'))).toBe('2:cm_listen:0');
    expect(brief(lookup.local('cm_open', FUNC))).toBe('3:cm_open:1');
    expect(brief(lookup.local('absent', FUNC))).toBe('missing');
  });

  test('namesakes are told by what lies around them, with the position by address', () => {
    expect(brief(ask('helper', FUNC, [...text(mad), ...text(cm, 0x200), line(0x400, 'T', '_etext')]))).toBe(
      '6:helper:2',
    );
    expect(brief(ask('helper', FUNC, [...text(cm), ...text(mad, 0x200), line(0x400, 'T', '_etext')]))).toBe(
      '6:helper:1',
    );
  });

  test('ambiguous: both lie among names of the object', () => {
    const answer = ask('helper', FUNC, [...text(cm), ...text(cm, 0x200), line(0x400, 'T', '_etext')]);
    expect(answer).toMatchObject({ kind: 'ambiguous', candidates: [{ sympos: 1 }, { sympos: 2 }] });
  });

  test('ambiguous: the object’s other functions lie farther away than the object is long', () => {
    expect(
      brief(ask('helper', FUNC, [...text(mad), ...text(['x', 'helper'], 0x1000), ...text(cm.slice(2), 0x9000)])),
    ).toBe('ambiguous');
  });

  test('level 7: between the object’s functions, in whatever order', () => {
    const lines = [...text(mad), ...text(['cm_close', 'helper', 'cm_open'], 0x200), line(0x400, 'T', '_etext')];
    expect(brief(ask('helper', FUNC, lines))).toBe('7:helper:2');
  });

  test('one that the function does not fit into is not it', () => {
    const lines = [...text(['cm_open', 'helper', 'cm_close'], 0, 16), ...text(mad, 0x200), line(0x400, 'T', '_etext')];
    expect(brief(ask('helper', FUNC, lines))).toBe('ambiguous');
  });

  test('missing: the only one of its name has no room for the function, but for jumps that the linker shortens', () => {
    const alone = (end: number) => ask('helper', FUNC, [line(0, 't', 'helper'), line(end, 'T', 'next')]);
    expect(brief(alone(48))).toBe('3:helper:1');
    expect(brief(alone(32))).toBe('3:helper:1');
    expect(alone(16)).toEqual({
      kind: 'missing',
      reason: 'there is no room for its 40 bytes where the target has that name',
    });
  });

  test('data, by the data around it', () => {
    const data = (name: string, size: number): Row => ({ name, size, type: OBJECT, section: `.data.${name}` });
    const object = objectOf('cm.c', [f('cm_open'), data('cm_table', 64), data('state', 8), data('cm_limit', 8)]);
    const lines = [
      ...text(['cm_open']),
      line(0x800, 'd', 'mad_table'),
      line(0x840, 'd', 'state'),
      line(0x900, 'd', 'cm_table'),
      line(0x940, 'd', 'state'),
      line(0x948, 'd', 'cm_limit'),
      line(0x950, 'D', '_edata'),
    ];
    expect(brief(ask('state', OBJECT, lines, object))).toBe('6:state:2');
    const withoutLast = lines.filter((row) => !row.endsWith('cm_limit'));
    expect(brief(ask('state', OBJECT, withoutLast, object))).toBe('ambiguous');
  });

  test('a clone with another number, if it fits; data is not guessed without its size', () => {
    const object = objectOf('cm.c', [f('send.isra.0'), { name: 'limit.0', size: 8, type: OBJECT }]);
    const clones = (end: number) => [line(0, 't', 'send.isra.4'), line(end, 'T', 'next'), line(0x400, 'd', 'limit.2')];
    expect(brief(ask('send.isra.0', FUNC, [...clones(48), line(0x408, 'D', 'x')], object))).toBe('9:send.isra.4:1');
    expect(brief(ask('send.isra.0', FUNC, clones(0x100), object))).toBe('missing');
    expect(brief(ask('send.isra.0', FUNC, clones(32), object))).toBe('missing');
    expect(ask('limit.0', OBJECT, [...clones(48), line(0x408, 'D', 'x')], object)).toMatchObject({
      reason: "the target's limit.2 has at most 8 bytes and nothing tells that they are 8",
    });
  });
});
