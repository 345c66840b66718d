/** `__LINE__` of any callee, told by the debug data, and constants that only look like one. */
import { describe, expect, test } from 'vitest';
import { comparePair, type InlineResult, missingPrograms } from './inline-pair.js';

const header = '#include "kernel.h"\n';

/** The patched side gets a line more above the functions, and `f` a change of its own. */
function compare(text: string, flags: readonly string[], added = '\n'): InlineResult {
  const side = (which: '$1' | '$2', front: string) =>
    `${header}${front}${text.replaceAll(/\[\[([^|]*)\|([^\]]*)\]\]/g, which)}`;
  return comparePair({ original: side('$1', ''), patched: side('$2', added), flags });
}

const changedOne = 'int f(int x) { return x + [[1|2]]; }\n';

describe.skipIf(missingPrograms.length > 0)(
  `line numbers (missing: ${missingPrograms.join(', ') || 'nothing'})`,
  () => {
    const users = `int note(int x, int line) { return _printk("%d", x + line); }
    int g(int x) { return note(x, __LINE__) + 1; }
    int h(int x)
    {
      if (x > 3)
        note(3, __LINE__);
      return note(x, __LINE__) * 2;
    }
    int i(int x) { return note(x, __LINE__); }\n`;

    test.each([['-gdwarf-4'], ['-gdwarf-5']])('handed to any callee (%s)', (flag) => {
      const result = compare(`${changedOne}${users}`, [flag, '-fno-inline']);
      expect(result).toMatchObject({ kind: 'changed', codes: [], changed: ['f'] });
    });

    test('without debug data the functions count as changed', () => {
      const result = compare(`${changedOne}${users}`, ['-fno-inline']);
      expect(result).toMatchObject({ kind: 'changed', changed: ['f', 'g', 'h', 'i'] });
    });

    test('without debug data no shift that many functions share is a proof: so does a new member of an enumeration', () => {
      const kinds = `enum kind { first = 9, [[|added,]] second, third, fourth };
      int note(int x, int kind) { return _printk("%d", x + kind); }
      int g(int x) { return note(x, second) + 1; }
      int h(int x) { return note(x, third) * 2; }
      int i(int x) { return note(x, fourth); }\n`;
      expect(compare(kinds, ['-fno-inline'])).toMatchObject({ kind: 'changed', changed: ['g', 'h', 'i'] });
      expect(compare(kinds, ['-g', '-fno-inline'])).toMatchObject({ kind: 'changed', changed: ['g', 'h', 'i'] });
    });

    test('a constant that grows as the lines do is a change', () => {
      const text =
        'int wait(int x, int time) { return _printk("%d", x + time); }\nint g(int x) { return wait(x, [[100|101]]) + 1; }\n';
      const result = compare(text, ['-g', '-fno-inline']);
      expect(result).toMatchObject({ kind: 'changed', changed: ['g'] });
    });

    test('so is one that equals a line of another statement of its function', () => {
      const text = `int wait(int x, int time) { return _printk("%d", x + time); }
      int g(int x)
      {
        x += wait(x, 1000);
        return wait(x, [[5|6]]) + 1;
      }\n`;
      const result = compare(text, ['-g', '-fno-inline']);
      expect(result).toMatchObject({ kind: 'changed', changed: ['g'] });
    });

    test('a constant beside a file name, where no line moved by as much', () => {
      const text = `int wait(const char *file, int line, int time) { return _printk("%s %d %d", file, line, time); }
      int g(int x) { return wait(__FILE__, __LINE__, [[100|200]]) + 1; }\n`;
      expect(compare(text, ['-g', '-fno-inline'])).toMatchObject({ kind: 'changed', changed: ['g'] });
    });

    test('a line number beside a file name, as a call of several lines has it', () => {
      const text = `${changedOne}int note(const char *file, int line) { return _printk("%s %d", file, line); }
      #define NOTE(x) note(__FILE__, __LINE__ + (x))
      int g(int x)
      {
        return NOTE(
          3) + x;
      }\n`;
      expect(compare(text, ['-g', '-fno-inline'])).toMatchObject({ kind: 'changed', changed: ['f'] });
    });
  },
);
