import { describe, expect, test } from 'vitest';
import { compareSources } from '../../../src/patch/source-change.js';

function changes(original: string | undefined, patched: string | undefined) {
  const { changed, added, removed, addedDirectives, removedDirectives } = compareSources('mad.c', {
    original,
    patched,
  });
  const names = (items: readonly { readonly name: string }[]) => items.map(({ name }) => name);
  return {
    changed: names(changed.map((pair) => pair.patched)),
    added: names(added),
    removed: names(removed),
    directives: [...addedDirectives.map(({ text }) => `+${text}`), ...removedDirectives.map(({ text }) => `-${text}`)],
  };
}

const nothing = { changed: [], added: [], removed: [], directives: [] };

describe('compareSources', () => {
  test('comments, line breaks and order are no changes', () => {
    const original = '/* old */ int f(int a) { return a; }\nstatic int limit = 5;';
    const patched = 'static int limit = 5; // new\nint f(int a)\n{\n\treturn a; /* why */\n}';
    expect(changes(original, patched)).toEqual(nothing);
  });

  test('tells a changed function, and what comes and goes', () => {
    const original = '#include <a.h>\nint f(void) { return 1; }\nint gone(void) { return 2; }';
    const patched = '#include <b.h>\nint f(void) { return 3; }\nstatic int fresh;';
    expect(changes(original, patched)).toEqual({
      changed: ['f'],
      added: ['fresh'],
      removed: ['gone'],
      directives: ['+#include <b.h>', '-#include <a.h>'],
    });
  });

  test('joins no two tokens into one', () => {
    expect(changes('int f(int a) { return a + +a; }', 'int f(int a) { return a ++ a; }').changed).toEqual(['f']);
  });

  test('the second of a name is compared with the second', () => {
    const source = (second: string) =>
      `#ifdef A\nint f(void) { return 1; }\n#else\nint f(void) { return ${second}; }\n#endif`;
    expect(
      compareSources('mad.c', { original: source('2'), patched: source('3') }).changed.map(
        ({ patched }) => patched.line,
      ),
    ).toEqual([4]);
  });

  test('all of a file that comes or goes', () => {
    expect(changes(undefined, 'int f(void) { }')).toEqual({ ...nothing, added: ['f'] });
    expect(changes('int f(void) { }', undefined)).toEqual({ ...nothing, removed: ['f'] });
  });
});
