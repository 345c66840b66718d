import { describe, expect, test } from 'vitest';
import { check, ruleCases } from '../../provocations/source-rules.js';

const cases = Object.entries(ruleCases);

describe.each(cases)('%s', (id, { breaks, nearMisses }) => {
  test('is found, and nothing else', () => {
    expect(check(breaks).map(({ code }) => code)).toEqual([id]);
  });

  test.each(Object.entries(nearMisses))('is not found where %s', (_, files) => {
    expect(check(files).filter(({ code }) => code === id)).toEqual([]);
  });
});

test('findings name the place in the patched file', () => {
  const text = (value: string) => `int a;\n\nstatic int __init mad_start(void)\n{\n\treturn ${value};\n}\n`;
  const [finding] = check({ 'core/mad.c': [text('1'), text('2')] });
  expect(finding?.what).toBe('core/mad.c:3: the patch changes mad_start, which is __init');
  expect(finding?.page).toBe('docs/rules/init-function-touched.md');
});

test('a new export is refused as the build would', () => {
  const files = { 'mad.c': ['int f(void) { }\n', 'int f(void) { }\nEXPORT_SYMBOL_GPL(f);\n'] } as const;
  expect(check(files).map(({ code, severity }) => `${severity} ${code}`)).toEqual(['error export-added']);
});

test('a key of this file is told from one whose owner is not known', () => {
  const text = (define: string, value: string) =>
    `${define}int f(void) { return static_branch_likely(&on) ? ${value} : 0; }\n`;
  const what = (define: string) => check({ 'mad.c': [text(define, '1'), text(define, '2')] })[0]?.what;
  expect(what('DEFINE_STATIC_KEY_TRUE(on);\n')).toContain('which this file defines');
  expect(what('')).toContain('cannot tell here whether a module defines it');
});

test('keys that only vmlinux uses are no trouble', () => {
  const text = (value: string) =>
    `int f(int a) { trace_mad_send(a); static_call(mad_hook)(a); return static_branch_likely(&on) ? ${value} : 0; }\n`;
  const codes = (...modules: string[]) =>
    check({ 'mad.c': [text('1'), text('2')] }, new Map([['mad.c', modules]])).map(({ code }) => code);
  expect(codes('vmlinux')).toEqual([]);
  const all = ['static-key-touched', 'static-call-touched', 'tracepoint-touched'];
  for (const modules of [[], ['ib_mad'], ['vmlinux', 'ib_mad']]) expect(codes(...modules)).toEqual(all);
});

describe('what cannot be told is a warning that says so', () => {
  const init = (condition: string) => {
    const text = (value: string) => `#${condition}\nstatic int __init f(void) { return ${value}; }\n#endif\n`;
    return check({ 'mad.c': [text('1'), text('2')] }).map(({ severity, what }) => `${severity}: ${what}`);
  };

  test('of code that only the preprocessor can judge', () => {
    expect(init('ifdef CONFIG_MAD_ON')).toEqual(['error: mad.c:2: the patch changes f, which is __init']);
    expect(init('ifdef MODULE')).toEqual([
      'warning: mad.c:2: the patch may change f, which is __init; cannot tell whether this kernel has it: it is under #ifdef MODULE',
    ]);
  });

  test('of a static function that only an init function calls', () => {
    const text = (value: string) =>
      `static int f(void) { return ${value}; }\nstatic int __init g(void) { return f(); }\n`;
    const found = check({ 'mad.c': [text('1'), text('2')] });
    expect(found.map(({ severity, what }) => `${severity}: ${what}`)).toEqual([
      'warning: mad.c:1: the patch may change g, which is __init; cannot tell here whether the compiler makes f, which changes, part of it',
    ]);
  });
});

describe('a change within #ifdef', () => {
  const body = (condition: string) => (value: string) => {
    return `static int __init f(int a)\n{\n#ifdef ${condition}\n\ta = ${value};\n#endif\n\treturn a;\n}\n`;
  };

  test.each([
    ['CONFIG_MAD_OFF', ['warning code-switched-off']],
    ['CONFIG_MAD_ON', ['error init-function-touched']],
    ['CONFIG_MAD_DEBUG', ['error init-function-touched']],
  ])('%s', (condition, expected) => {
    const text = body(condition);
    const found = check({ 'mad.c': [text('1'), text('2')] });
    expect(found.map(({ severity, code }) => `${severity} ${code}`)).toEqual(expected);
  });
});

describe('a callback that cannot be called', () => {
  const problem = (original: string, definition: string) => {
    const patched = `${definition}\nKPATCH_PRE_UNPATCH_CALLBACK(f);\n`;
    const found = check({ 'mad.c': [original, patched] }).filter(({ code }) => code === 'callback-unfit');
    return found.map(({ severity, what }) => `${severity}: ${what.split('CALLBACK, ')[1]}`);
  };

  test.each([
    ['static void f(patch_object *o) { }', []],
    ['void f(struct klp_object *o) { }', []],
    ['static int f(patch_object *o) { }', ['error: is not void f(patch_object *)']],
    ['static void f(void) { }', ['error: is not void f(patch_object *)']],
    ['static void f(patch_object o) { }', ['error: is not void f(patch_object *)']],
    ['static void f(patch_object *o, int a) { }', ['error: is not void f(patch_object *)']],
    ['static void __init f(patch_object *o) { }', ['error: is __init']],
    [
      'static mad_result f(patch_object *o) { }',
      ['warning: may not be void f(patch_object *); cannot tell here what its types mean'],
    ],
    ['MAD_CALLBACK(f)', ['warning: is not defined in this file; cannot tell here whether a macro defines it']],
  ])('%s', (definition, expected) => {
    expect(problem('int a;\n', definition)).toEqual(expected);
  });

  test('was there before', () => {
    const definition = 'static void f(patch_object *o) { }';
    expect(problem(`${definition}\n`, definition)).toEqual(['error: is there without the patch too']);
  });
});

test('exports are compared by file, as the build compares objects', () => {
  const text = (exported: string) => `int f(void) { }\n${exported}\n`;
  const files = {
    'a.c': [text('EXPORT_SYMBOL(f);'), text('')],
    'b.c': [text(''), text('EXPORT_SYMBOL(f);')],
    'c.c': [text('EXPORT_SYMBOL(g);'), text('EXPORT_SYMBOL_GPL(g);')],
    'd.c': [text(''), text('#ifdef CONFIG_MAD_OFF\nEXPORT_SYMBOL(h);\n#endif')],
  } as const;
  const found = check(files).filter(({ code }) => code.startsWith('export'));
  expect(found.map(({ code, what }) => `${code}: ${what}`)).toEqual([
    'export-added: The patch adds EXPORT_SYMBOL for f',
    'export-changed: The patch changes how g is exported',
    'export-removed: The patch removes EXPORT_SYMBOL of f; the livepatch leaves it as it is',
  ]);
});

describe('two callbacks of one kind in two files', () => {
  const text = 'int f(patch_object *o) { }\nKPATCH_PRE_PATCH_CALLBACK(f);\n';
  const files = { 'a.c': ['', text], 'b.c': ['', text] } as const;
  const found = (modules: readonly (readonly [string, readonly string[]])[]) =>
    check(files, new Map(modules)).flatMap(({ code, severity }) => (code === 'callback-repeated' ? [severity] : []));

  test.each([
    ['of one module', ['mad'], ['mad'], ['error']],
    ['of two modules', ['mad'], ['rmpp'], []],
    ['that share a module', ['mad'], ['mad', 'rmpp'], ['warning']],
    ['of a module that is not known', ['mad'], [], ['warning']],
  ])('%s', (_, one, other, expected) => {
    expect(
      found([
        ['a.c', one],
        ['b.c', other],
      ]),
    ).toEqual(expected);
  });
});

describe('a function without an ftrace entry', () => {
  const found = (source: string) => {
    const files = { 'mad.c': [source.replace('@', '1'), source.replace('@', '2')] } as const;
    const [finding] = check(files).filter(({ code }) => code === 'untraceable-function-touched');
    return finding && `${finding.severity}: ${finding.what}`;
  };

  test.each([
    ['notrace int f(void) { return @; }', 'error: mad.c:1: the patch changes f, which is notrace and not static'],
    ['inline int f(void) { return @; }', 'error: mad.c:1: the patch changes f, which is inline and not static'],
    ['extern inline int f(void) { return @; }', undefined],
    ['static inline int f(void) { return @; }\nint g(void) { return f(); }', undefined],
    [
      'static inline int f(void) { return @; }\ninline int g(void) { return f(); }',
      'warning: mad.c:1: the patch changes f, which is inline, and may become part of g, which is inline and not static; cannot tell here what the compiler inlines',
    ],
    [
      'static notrace int f(void) { return @; }\nstatic struct ops ops = { .run = f };',
      'warning: mad.c:1: the patch changes f, which is notrace, and ops has its address; cannot tell here what the compiler inlines',
    ],
    [
      'static int f(void) { return @; }\nstatic inline int g(void) { return f(); }\nstatic int h(void) { return g(); }\ninline int i(void) { return h(); }',
      'warning: mad.c:1: the patch changes f, which may become part of i, which is inline and not static; cannot tell here what the compiler inlines',
    ],
    [
      'static int f(void) { return @; }\nstatic int g(void) { return f(); }\ninline int h(void) { return g(); }\nint i(void) { return g(); }',
      undefined,
    ],
    ['static int f(void) { return @; }\nstatic struct ops ops = { .run = f };', undefined],
    [
      'DEFINE_IDTENTRY(f) { return @; }',
      'warning: mad.c:1: the patch changes f, which is made by DEFINE_IDTENTRY; cannot tell here what the compiler inlines',
    ],
  ])('%s', (source, expected) => {
    expect(found(source)).toBe(expected);
  });
});

describe('what is written as before and may mean something else', () => {
  const found = (text: string, before: string, after: string) => {
    const files = { 'mad.c': [text.replace('@', before), text.replace('@', after)] } as const;
    return check(files)
      .filter(({ code }) => code !== 'type-layout-touched')
      .map(({ severity, what }) => `${severity}: ${what}`);
  };

  test.each([
    [
      '#define LIMIT @\nstatic int limit = LIMIT;',
      'warning: mad.c:2: the patch may change the initial value of limit; cannot tell here what LIMIT, which the patch changes, makes of it',
    ],
    [
      'struct mad { int @; };\nstatic int size = sizeof(struct mad);',
      'warning: mad.c:2: the patch may change the initial value of size; cannot tell here what sizeof(mad), which the patch changes, makes of it',
    ],
    [
      '#define LIMIT @\nstatic int __init f(void) { return LIMIT; }',
      'warning: mad.c:2: the patch may change f, which is __init; cannot tell here what LIMIT, which the patch changes, makes of it',
    ],
  ])('%s', (text, expected) => {
    expect(found(text, 'a', 'b')).toEqual([expected]);
  });

  test('what is new has no other value before', () => {
    expect(found('@', '', '#define LIMIT 1\nstatic int a = LIMIT;\nint __init f(void) { return LIMIT; }')).toEqual([]);
  });

  test('where nothing uses it nothing is said', () => {
    expect(found('#define LIMIT @\nstatic int limit = 5;\nint f(void) { return LIMIT; }', '1', '2')).toEqual([]);
  });
});
