import { describe, expect, test } from 'vitest';
import { KptoolError } from '../../../src/diagnostics/diagnostic.js';
import { judgeMake, modpostErrors } from '../../../src/kbuild/make-output.js';

const failed = {
  side: 'patched',
  tree: '/work/copy',
  log: '/work/patched.log',
  rules: ['Kbuild: obj-m := ib_mad.o'],
  invocation: { program: '/usr/bin/make', arguments: [], directory: '/work/copy' },
} as const;

function judged(output: string) {
  try {
    return judgeMake(output, failed);
  } catch (error) {
    if (error instanceof KptoolError) return error.diagnostics[0];
    throw error;
  }
}

describe('judgeMake', () => {
  test('a compile error: with the paths of the tree, each once', () => {
    const output = `  CC [M]  /work/copy/core/agent.o
/work/copy/core/agent.c: In function 'agent_value':
/work/copy/core/agent.c:7:9: error: 'nope' undeclared (first use in this function)
/work/copy/core/agent.c:7:9: error: 'nope' undeclared (first use in this function)
/work/copy/cm.c:1:10: fatal error: nope.h: No such file or directory
make[1]: *** [scripts/Makefile.build:250: /work/copy/core/agent.o] Error 1`;
    expect(judged(output)).toMatchObject({
      code: 'compile-failed',
      details: [
        "core/agent.c:7:9: error: 'nope' undeclared (first use in this function)",
        'cm.c:1:10: fatal error: nope.h: No such file or directory',
        'log: /work/patched.log',
      ],
    });
  });

  test('a warning that is an error', () => {
    const output = "/work/copy/cm.c:3:5: error: unused variable 'x' [-Werror=unused-variable]";
    expect(judged(output)).toMatchObject({ code: 'compile-failed' });
  });

  test.each([
    "make[1]: *** No rule to make target '/work/copy/lost.o', needed by '/work/copy/'.  Stop.",
    "make[3]: *** No rule to make target 'lost.o'.  Stop.",
  ])('%s', (output) => {
    expect(judged(output)).toMatchObject({
      code: 'source-not-built',
      details: ['Kbuild: obj-m := ib_mad.o', 'log: /work/patched.log'],
      what: expect.stringMatching(/^lost\.c is in none/),
    });
  });

  test('modpost', () => {
    expect(judged('ERROR: modpost: "nope" [/work/copy/ib_mad.ko] undefined!\nmake: *** Error 1')).toMatchObject({
      code: 'modpost-failed',
      details: ['"nope" [ib_mad.ko] undefined!', 'log: /work/patched.log'],
    });
  });

  test('a full disk, whoever met it', () => {
    const output = '/work/copy/cm.c:1:1: error: x\nfatal error: error writing to /tmp/cc.s: No space left on device\n';
    expect(judged(output)).toMatchObject({ code: 'disk-full' });
  });

  test('anything else: the last lines', () => {
    expect(judged('Makefile:3: *** KDIR is not set.  Stop.\n')).toMatchObject({
      code: 'make-failed',
      what: 'make failed in the patched tree.',
      details: ['Makefile:3: *** KDIR is not set.  Stop.', 'ran in: /work/copy', 'log: /work/patched.log'],
    });
  });
});

test('modpostErrors reads the spellings of old and new kernels', () => {
  expect(
    modpostErrors('ERROR: "a" [x.ko] undefined!\nERROR: modpost: "b" [x.ko] undefined!\nWARNING: modpost: c'),
  ).toEqual(['"a" [x.ko] undefined!', '"b" [x.ko] undefined!']);
});
