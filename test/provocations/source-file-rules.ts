/** For every rule about what files and functions are: a change that breaks it, and the nearest ones that do not. */
import type { sourceFileRules } from '../../src/diagnostics/source-file-rules.js';
import { mad, plain, type RuleCases } from './rule-case.js';

const other = plain.replace('@', '-a');

export const sourceFileCases: RuleCases<typeof sourceFileRules> = {
  'boot-code-touched': {
    breaks: { 'arch/x86/entry/vdso/vma.c': [plain, other] },
    nearMisses: { 'its name only begins so': { 'drivers/vdso_test/boot.c': [plain, plain] } },
  },
  'patching-core-touched': {
    breaks: { 'kernel/livepatch/core.c': [plain, other] },
    nearMisses: { 'it is a sample': { 'samples/livepatch/livepatch-sample.c': [plain, plain] } },
  },
  'build-file-touched': {
    breaks: { Kbuild: ['obj-m += mad.o\n', 'obj-m += mad.o\nccflags-y += -O3\n'] },
    nearMisses: {
      'it names a source that the patch adds': {
        Kbuild: ['mad-y := mad.o\n', 'mad-y := mad.o rmpp.o\n'],
        'rmpp.c': [undefined, 'int rmpp(void) { return 1; }\n'],
      },
      'it is a file of another name': { 'Kbuild.txt': ['a\n', 'b\n'] },
    },
  },
  'code-switched-off': {
    breaks: mad(`#ifdef CONFIG_MAD_OFF\n${plain}#endif\n`, 'a', '-a'),
    nearMisses: {
      'it is the other branch': mad(`#ifdef CONFIG_MAD_OFF\nint g;\n#else\n${plain}#endif\n`, 'a', '-a'),
      'the option is on': mad(`#if IS_ENABLED(CONFIG_MAD_ON)\n${plain}#endif\n`, 'a', '-a'),
      'the option may be the tree’s own': mad(`#ifdef CONFIG_MAD_DEBUG\n${plain}#endif\n`, 'a', '-a'),
    },
  },
  'init-function-touched': {
    breaks: mad('static int __init mad_start(void)\n{\n\treturn @;\n}\n', '1', '2'),
    nearMisses: {
      'only a comment changes': mad('static int __init mad_start(void)\n{\n\treturn 1; /* @ */\n}\n', 'a', 'b'),
      'the function that it calls changes': mad(
        `static int __init mad_start(void) { return mad_send(1); }\n${plain.replace('static ', '')}`,
        'a',
        '-a',
      ),
      'it registers the function that changes': mad(
        `static int __init f(void) { return go(mad_send); }\n${plain}`,
        'a',
        '-a',
      ),
      'it calls a static function that others call too': mad(
        `static int __init f(void) { return mad_send(1); }\nint g(void) { return mad_send(2); }\n${plain}`,
        'a',
        '-a',
      ),
      'the kernel does not have it': mad(
        '#ifdef CONFIG_MAD_OFF\nstatic int __init f(void) { return @; }\n#endif\n',
        '1',
        '2',
      ),
    },
  },
  'init-data-touched': {
    breaks: mad('static int mad_ports[] __initdata = { 1, @ };\n', '2', '3'),
    nearMisses: {
      'it is new': { 'mad.c': ['int a;\n', 'int a;\nstatic int mad_ports[] __initdata = { 1 };\n'] },
      'the data stay in memory': mad('static int mad_ports[] = { 1, @ };\n', '2', '3'),
      'the kernel does not have them': mad('#ifdef CONFIG_MAD_OFF\nstatic int p __initdata = @;\n#endif\n', '2', '3'),
    },
  },
  'initcall-touched': {
    breaks: { 'mad.c': ['int a;\n', 'int a;\nlate_initcall(mad_late);\n'] },
    nearMisses: {
      'it was there': mad('late_initcall(mad_late);\nint f(void) { return @; }\n', '1', '2'),
      'it goes': { 'mad.c': ['int a;\nlate_initcall(mad_late);\n', 'int a;\n'] },
      'it is a parameter': { 'mad.c': ['int a;\n', 'int a;\nmodule_param(a, int, 0444);\n'] },
    },
  },
  'set-up-function-touched': {
    breaks: mad(
      'static int mad_set(int a) { return @; }\nstatic int mad_probe(int a) { return mad_set(a); }\nstatic struct driver d = { .probe = mad_probe };\n',
      'a',
      '-a',
    ),
    nearMisses: {
      'somebody else calls it too': mad(
        'static int mad_set(int a) { return @; }\nstatic int mad_probe(int a) { return mad_set(a); }\nstatic struct driver d = { .probe = mad_probe };\nint f(void) { return mad_set(1); }\n',
        'a',
        '-a',
      ),
      'its address is taken': mad(
        'static int mad_set(int a) { return @; }\nstatic int mad_probe(int a) { return mad_go(mad_set); }\nstatic struct driver d = { .probe = mad_probe };\n',
        'a',
        '-a',
      ),
      'it is not static': mad(
        'int mad_set(int a) { return @; }\nstatic int mad_probe(int a) { return mad_set(a); }\nstatic struct driver d = { .probe = mad_probe };\n',
        'a',
        '-a',
      ),
      'it is another member': mad(
        'static int mad_set(int a) { return @; }\nstatic int mad_probe(int a) { return mad_set(a); }\nstatic struct driver d = { .remove = mad_probe };\n',
        'a',
        '-a',
      ),
    },
  },
  'only-comments-touched': {
    breaks: mad('int a;\n/* @ */\nint f(void) { return 1; }\n', 'teh', 'the'),
    nearMisses: {
      'a directive changes': mad('#define MAD @\nint f(void) { return MAD; }\n', '1', '2'),
      'another file changes': { ...mad('/* @ */\nint a;\n', 'a', 'b'), 'rmpp.c': [plain, other] },
      'a file that is no C source changes': { ...mad('/* @ */\nint a;\n', 'a', 'b'), Kbuild: ['', 'obj-m := mad.o\n'] },
    },
  },
};
