import { describe, expect, test } from 'vitest';
import { outlineOf } from '../../../src/patch/c-outline.js';

/** `function send 3-7`, and the macro behind it where there is one. */
function shown(source: string): string[] {
  return outlineOf(source).items.map(({ kind, name, line, lastLine, macro }) => {
    return `${kind} ${name} ${line}-${lastLine}${macro === undefined ? '' : ` by ${macro}`}`;
  });
}

describe('functions', () => {
  test.each([
    ['an ordinary one', 'static int send(struct mad *mad)\n{\n\treturn 0;\n}', 'function send 1-4'],
    ['attributes before the name', '__printf(1, 2) static int\nsay(const char *f, ...) { }', 'function say 1-2'],
    ['attributes behind the parameters', 'void hold(void) __acquires(lock) { }', 'function hold 1-1'],
    ['a name with underscores', 'static void __hold(void) __releases(lock) { }', 'function __hold 1-1'],
    ['a struct as result', 'struct mad *find(int id) { return 0; }', 'function find 1-1'],
    ['a parameter that is a function', 'int each(int (*call)(int), void *x) { return call(1); }', 'function each 1-1'],
    ['a system call', 'SYSCALL_DEFINE2(mad, int, a, int, b)\n{ return 0; }', 'function mad 1-2 by SYSCALL_DEFINE2'],
    ['initial values in the body', 'int f(void) { int a[] = { 1, 2 }; return a[0]; }', 'function f 1-1'],
  ])('%s', (_, source, expected) => {
    expect(shown(source)).toEqual([expected]);
  });

  test('has its attributes and its body apart', () => {
    const [item] = outlineOf('static int __init start(void) { return 1; }').items;
    expect(item?.head.map(({ text }) => text)).toEqual(['static', 'int', '__init', 'start', '(', 'void', ')']);
    expect(item?.body.map(({ text }) => text)).toEqual(['return', '1', ';']);
  });

  test('is one for each branch that defines it', () => {
    const source =
      '#ifdef CONFIG_PM\nint f(void) { return 1; }\n#else\nint f(void) { return 0; }\n#endif\nint g(void) { }';
    expect(shown(source)).toEqual(['function f 2-2', 'function f 4-4', 'function g 6-6']);
    expect(outlineOf(source).items.map(({ conditions }) => conditions)).toEqual([
      ['#ifdef CONFIG_PM'],
      ['#else of #ifdef CONFIG_PM'],
      [],
    ]);
  });

  test('may begin twice and end once', () => {
    const source = '#ifdef A\nint f(int a) {\n#else\nint f(void) {\n#endif\n\treturn 0;\n}\nint g(void) { }';
    expect(shown(source)).toEqual(['function f 2-7', 'function g 8-8']);
  });

  test('may have a brace that opens in both branches', () => {
    const source = 'int f(int a)\n{\n#ifdef A\n\tif (a) {\n#else\n\twhile (a) {\n#endif\n\t}\n}\nint g(void) { }';
    expect(shown(source)).toEqual(['function f 1-9', 'function g 10-10']);
  });
});

describe('data', () => {
  test.each([
    ['an initial value', 'static int limit = 5;', 'variable limit 1-1'],
    ['a table', 'static const struct op ops[N] = {\n\t{ .run = go },\n};', 'variable ops 1-3'],
    ['no initial value', 'static unsigned long count;', 'variable count 1-1'],
    ['an array without initial value', 'static u8 map[256];', 'variable map 1-1'],
    ['a pointer to a function', 'static void (*hook)(int);', 'variable hook 1-1'],
    ['a struct and its variable', 'static struct mad { int id; } pool;', 'variable pool 1-1'],
    ['one for each CPU', 'static DEFINE_PER_CPU(int, hits) = 1;', 'variable hits 1-1 by DEFINE_PER_CPU'],
    ['a lock by macro', 'static DEFINE_MUTEX(lock);', 'macro-call lock 1-1 by DEFINE_MUTEX'],
    ['a type', 'struct mad { int id; };', 'declaration mad 1-1'],
    ['a type with attributes', 'struct mad { int id; } __packed __randomize_layout;', 'declaration mad 1-1'],
    ['a prototype', 'static int send(struct mad *mad);', 'declaration send 1-1'],
    ['a declaration of data', 'extern int limit;', 'declaration limit 1-1'],
    ['a typedef', 'typedef int (*call)(void);', 'declaration call 1-1'],
  ])('%s', (_, source, expected) => {
    expect(shown(source)).toEqual([expected]);
  });
});

describe('macros at the top level', () => {
  test('end without a semicolon where the next line begins something else', () => {
    const source = 'EXPORT_SYMBOL(send)\nstatic int limit = 5;\nmodule_init(start)\nint f(void) { }';
    expect(shown(source)).toEqual([
      'macro-call send 1-1 by EXPORT_SYMBOL',
      'variable limit 2-2',
      'macro-call start 3-3 by module_init',
      'function f 4-4',
    ]);
  });

  test('directives between items are kept apart', () => {
    const { items, directives } = outlineOf('#include <linux/mad.h>\n#define LIMIT 3\nint f(void) {\n#define IN 1\n}');
    expect(items).toHaveLength(1);
    expect(directives.map(({ text }) => text)).toEqual(['#include <linux/mad.h>', '#define LIMIT 3']);
    const [hidden] = outlineOf('#ifndef __GENKSYMS__\n#include "mad.h"\n#endif').directives;
    expect(hidden).toEqual({ text: '#include "mad.h"', line: 2, conditions: ['#ifndef __GENKSYMS__'] });
  });
});

test('what is broken does not take the rest along', () => {
  expect(shown('} ) int a = 1; int f(void) { if ( } int g(void) { }').at(-1)).toBe('function g 1-1');
  expect(outlineOf('#endif\n#else\nint f(void) {').items).toHaveLength(1);
});

test('takes time in proportion to the source', () => {
  const entries = Array.from({ length: 10_000 }, (_, number) => `{ ${number}, "a" },`);
  const conditions = entries.map((entry) => `#ifdef A\n${entry}\n#else\n${entry}\n#endif`);
  expect(outlineOf(`int t[] = {\n${conditions.join('\n')}\n};`).items).toHaveLength(1);
});
