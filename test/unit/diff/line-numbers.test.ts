/** Code in which one operand differs: a line number that moved, or a constant that the author changed. */
import { describe, expect, test } from 'vitest';
import { isLineNumberChange } from '../../../src/diff/line-numbers.js';
import { CALL, R_32S, R_PLT32, Scene, sectionOf } from '../../builders/diff-scene.js';

const EDI = 0xbf;
const ESI = 0xbe;
const EDX = 0xba;
const EAX = 0xb8;
const NOP = 0x90;

/** `mov $value, register` */
function load(register: number, value: number): number[] {
  return [register, value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >> 24) & 0xff];
}

/** `mov $string, %rdi`, whose relocation the caller adds. */
const LOAD_STRING = [0x48, 0xc7, 0xc7, 0, 0, 0, 0];

interface Code {
  readonly body: readonly number[];
  /** Offsets in the body of the operands of calls, and what is called. */
  readonly calls?: readonly (readonly [offset: number, name: string])[];
  /** Offset in the body of a reference to a string. */
  readonly string?: readonly [offset: number, text: string];
  /** Offset in the body of a reference to an object of that name. */
  readonly object?: readonly [offset: number, name: string];
}

function compile({ body, calls = [], string, object }: Code) {
  const scene = new Scene();
  const section = sectionOf(scene.function('toy_open', body));
  const place = (offset: number) => offset + CALL.length;
  if (string !== undefined) {
    const pool = scene.strings('.rodata.str1.1', 'first', string[1]);
    const symbol = scene.builder.sectionSymbol(pool);
    section.relocations.push({ offset: place(string[0]), type: R_32S, symbol, addend: 'first\0'.length });
  }
  if (object !== undefined) {
    const data = scene.data(`.rodata.${object[1]}`, [0x66, 0]);
    const symbol = scene.object(object[1], data);
    section.relocations.push({ offset: place(object[0]), type: R_32S, symbol, addend: 0 });
  }
  for (const [offset, name] of calls) {
    const symbol = scene.undefinedSymbol(name);
    section.relocations.push({ offset: place(offset), type: R_PLT32, symbol, addend: -4 });
  }
  section.relocations.sort((a, b) => a.offset - b.offset);
  return { section, prepared: scene.prepared() };
}

function isMovedLine(original: Code, patched: Code): boolean {
  const [from, to] = [compile(original), compile(patched)];
  return isLineNumberChange(from.section, to.section, { original: from.prepared, patched: to.prepared });
}

/** `callee(value)` with the value in a register. */
const calling = (callee: string, value: number, register = ESI): Code => ({
  body: [...load(register, value), ...CALL],
  calls: [[6, callee]],
});

describe('functions of the kernel that take a line', () => {
  test.each([
    'warn_slowpath_null',
    '__might_sleep',
    '___might_sleep',
    '__might_fault',
    '__might_resched',
    'lockdep_rcu_suspicious',
  ])('%s', (callee) => {
    expect(isMovedLine(calling(callee, 100), calling(callee, 107))).toBe(true);
  });

  test.each(['warn_slowpath_fmt', 'might_sleep', '__might_sleep_offset', 'toy_wait', 'msleep'])('not %s', (callee) => {
    expect(isMovedLine(calling(callee, 100), calling(callee, 107))).toBe(false);
  });

  test('in any argument, but in nothing else', () => {
    for (const register of [EDI, ESI, EDX]) {
      const code = (value: number) => calling('__might_sleep', value, register);
      expect(isMovedLine(code(1), code(9)), String(register)).toBe(true);
    }
    expect(isMovedLine(calling('__might_sleep', 1, EAX), calling('__might_sleep', 9, EAX))).toBe(false);
  });

  test('a number too large for a line is none', () => {
    expect(isMovedLine(calling('__might_sleep', 0x8000_0000), calling('__might_sleep', 0x8000_0001))).toBe(false);
    expect(isMovedLine(calling('__might_sleep', 199_999), calling('__might_sleep', 200_000))).toBe(true);
    expect(isMovedLine(calling('__might_sleep', 199_999), calling('__might_sleep', 200_001))).toBe(false);
  });

  test('far in front of the call it is not its argument', () => {
    const far = (value: number): Code => ({
      body: [...load(ESI, value), ...new Array(80).fill(NOP), ...CALL],
      calls: [[86, '__might_sleep']],
    });
    expect(isMovedLine(far(1), far(9))).toBe(false);
  });

  test('another call in between takes it', () => {
    const code = (value: number): Code => ({
      body: [...load(ESI, value), ...CALL, ...CALL],
      calls: [
        [6, 'toy_wait'],
        [11, '__might_sleep'],
      ],
    });
    expect(isMovedLine(code(100), code(101))).toBe(false);
  });

  test('without any call there is nobody to take it', () => {
    expect(isMovedLine({ body: load(ESI, 1) }, { body: load(ESI, 9) })).toBe(false);
  });
});

describe('functions that are given the place', () => {
  /** `toy_assert("file", line)` */
  const withString = (text: string, line: number): Code => ({
    body: [...load(ESI, line), ...LOAD_STRING, ...CALL],
    string: [8, text],
    calls: [[13, 'toy_assert']],
  });
  const withObject = (name: string, line: number): Code => ({
    body: [...load(ESI, line), ...LOAD_STRING, ...CALL],
    object: [8, name],
    calls: [[13, 'toy_assert']],
  });

  test.each(['toy.c', 'drivers/toy/toy.c', 'include/linux/toy.h', 'entry.S'])('with the file %s', (file) => {
    expect(isMovedLine(withString(file, 10), withString(file, 13))).toBe(true);
  });

  test.each(['toy', 'toy.conf', 'see toy.c.', 'toy.cc', ''])('not with "%s"', (text) => {
    expect(isMovedLine(withString(text, 10), withString(text, 13))).toBe(false);
  });

  test.each(['__func__.7', '__func__', '__FUNCTION__.3', '__PRETTY_FUNCTION__.0'])('with %s', (name) => {
    expect(isMovedLine(withObject(name, 10), withObject(name, 13))).toBe(true);
  });

  test.each(['__func__name', 'func', 'toy_name'])('not with %s', (name) => {
    expect(isMovedLine(withObject(name, 10), withObject(name, 13))).toBe(false);
  });
});

describe('a constant beside a file or function', () => {
  const RDI = 0xc7;
  const RSI = 0xc6;
  const wide = (register: number) => [0x48, 0xc7, register, 0, 0, 0, 0];

  /** `printk(format, __func__, value)` */
  const printing = (format: string, value: number): Code => ({
    body: [...load(EDX, value), ...wide(RSI), ...wide(RDI), ...CALL],
    object: [8, '__func__.3'],
    string: [15, format],
    calls: [[20, 'toy_printk']],
  });

  test.each(['%s (%d)', '%s(%d)', '%s:%d', 'failed at %s:%u: %s', '%s, line %d', '%s:%i'])(
    '"%s" shows a line',
    (format) => {
      expect(isMovedLine(printing(format, 100), printing(format, 200))).toBe(true);
    },
  );

  test.each(['%s: %d ms', '%s: giving up after %d ms', '%s has %d', '%s %d', '%d'])('"%s" does not', (format) => {
    expect(isMovedLine(printing(format, 100), printing(format, 200))).toBe(false);
  });

  test('a line stands right behind the place', () => {
    const code = (register: number, value: number): Code => ({
      body: [...load(register, value), ...wide(RDI), ...CALL],
      object: [8, '__func__.3'],
      calls: [[13, 'toy_wait']],
    });
    expect(isMovedLine(code(ESI, 100), code(ESI, 200))).toBe(true);
    expect(isMovedLine(code(EDX, 100), code(EDX, 200))).toBe(false);
  });

  test('a place given to the call before says nothing of this one', () => {
    const code = (value: number): Code => ({
      body: [...wide(RDI), ...CALL, ...load(ESI, value), ...CALL],
      object: [3, '__func__.3'],
      calls: [
        [8, 'toy_log'],
        [18, 'toy_wait'],
      ],
    });
    expect(isMovedLine(code(100), code(200))).toBe(false);
  });
});

describe('whatever else differs is a change', () => {
  const call = calling('__might_sleep', 100);
  test.each<readonly [string, Code]>([
    ['another register', calling('__might_sleep', 100, EDX)],
    ['another instruction', { body: [0x81, 0xfe, 100, 0, 0, ...CALL], calls: [[6, '__might_sleep']] }],
    ['one more byte', { body: [...call.body, NOP], calls: [[6, '__might_sleep']] }],
  ])('%s', (_, patched) => {
    expect(isMovedLine(call, patched)).toBe(false);
  });

  test('a line and a constant', () => {
    const code = (line: number, constant: number): Code => ({
      body: [...load(EAX, constant), ...load(ESI, line), ...CALL],
      calls: [[11, '__might_sleep']],
    });
    expect(isMovedLine(code(10, 5), code(11, 5))).toBe(true);
    expect(isMovedLine(code(10, 5), code(11, 6))).toBe(false);
  });

  test('a line in code that cannot be decoded', () => {
    const code = (line: number): Code => {
      const { body, calls = [] } = calling('__might_sleep', line);
      return { body: [...body, 0x06], calls };
    };
    expect(isMovedLine(code(10), code(11))).toBe(false);
  });

  test('data is never taken for code', () => {
    const scene = new Scene();
    const [original, patched] = [scene.data('.data.a', load(ESI, 1)), scene.data('.data.a', load(ESI, 2))];
    const prepared = scene.prepared();
    expect(isLineNumberChange(original, patched, { original: prepared, patched: prepared })).toBe(false);
  });
});
