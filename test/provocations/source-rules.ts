/** For every rule that the source decides: a change that breaks it, and the nearest one that does not. */
import type { sourceRules } from '../../src/diagnostics/source-rules.js';
import { parseKernelConfig } from '../../src/kernel/config.js';
import type { SourceTexts } from '../../src/patch/source-change.js';
import { checkSourceRules } from '../../src/patch/source-rules.js';

/** The sides of each file; a text alone is that of a file which is the same on both. */
export type Files = Readonly<Record<string, readonly [original: string | undefined, patched: string | undefined]>>;

export interface RuleCase {
  readonly breaks: Files;
  /** By name, what makes the difference. */
  readonly nearMisses: Readonly<Record<string, Files>>;
}

/** A file before and after, with `@` in place of what changes. */
function mad(text: string, before: string, after: string): Files {
  return { 'mad.c': [text.replaceAll('@', before), text.replaceAll('@', after)] };
}

const plain = 'static int mad_send(int a)\n{\n\treturn @;\n}\n';

export const ruleCases: { readonly [Id in keyof typeof sourceRules]: RuleCase } = {
  'init-function-touched': {
    breaks: mad('static int __init mad_start(void)\n{\n\treturn @;\n}\n', '1', '2'),
    nearMisses: {
      'only a comment changes': mad('static int __init mad_start(void)\n{\n\treturn 1; /* @ */\n}\n', 'a', 'b'),
      'the function that it calls changes': mad(
        `static int __init mad_start(void) { return mad_send(1); }\n${plain}`,
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
  'initial-value-touched': {
    breaks: mad('static int mad_limit = @;\n', '5', '7'),
    nearMisses: {
      'the variable is new': { 'mad.c': ['int a;\n', 'int a;\nstatic int mad_limit = 7;\n'] },
      'only its attributes change': mad('static int mad_limit @ = 5;\n', '', '__read_mostly'),
      'a local has another value': mad('static int f(void) { int limit = @; return limit; }\n', '5', '7'),
    },
  },
  'static-local-dropped': {
    breaks: mad('static int f(void)\n{\n\t@\n\treturn 1;\n}\n', 'static int count;', 'int count;'),
    nearMisses: {
      'it gets another initial value': mad('static int f(void) { static int count = @; return count++; }\n', '1', '2'),
      'one comes': mad('static int f(void)\n{\n\t@\n\treturn 1;\n}\n', 'int count;', 'static int count;'),
    },
  },
  'include-beside-exports': {
    breaks: mad('#include "mad.h"\n@\nint f(void) { return 1; }\nEXPORT_SYMBOL(f);\n', '', '#include "mad_rmpp.h"'),
    nearMisses: {
      'the file exports nothing': mad('#include "mad.h"\n@\nint f(void) { return 1; }\n', '', '#include "mad_rmpp.h"'),
      'genksyms does not see it': mad(
        '#ifndef __GENKSYMS__\n@\n#endif\nint f(void) { }\nEXPORT_SYMBOL(f);\n',
        '',
        '#include "mad_rmpp.h"',
      ),
      'it is that of the author’s macros': mad(
        '@\nint f(void) { }\nEXPORT_SYMBOL(f);\n',
        '',
        '#include "kpatch-macros.h"',
      ),
      'it was there already': mad('#include "mad.h"\nint f(void) { return @; }\nEXPORT_SYMBOL(f);\n', '1', '2'),
    },
  },
  'static-key-touched': {
    breaks: mad(
      'static DEFINE_STATIC_KEY_FALSE(mad_on);\nint f(void) { return static_branch_unlikely(&mad_on) ? @ : 0; }\n',
      '1',
      '2',
    ),
    nearMisses: {
      'another function has it': mad(`int f(void) { return static_branch_unlikely(&mad_on); }\n${plain}`, 'a', '-a'),
      'it is asked at run time': mad('int f(void) { return static_key_enabled(&mad_on) ? @ : 0; }\n', '1', '2'),
    },
  },
  'tracepoint-touched': {
    breaks: mad('int f(int a)\n{\n\ttrace_mad_send(a);\n\treturn @;\n}\n', '1', '2'),
    nearMisses: {
      'it is trace_printk': mad('int f(int a)\n{\n\ttrace_printk("%d", a);\n\treturn @;\n}\n', '1', '2'),
      'another function has it': mad(`int f(int a) { trace_mad_send(a); return 1; }\n${plain}`, 'a', '-a'),
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
  'boot-code-touched': {
    breaks: { 'arch/x86/entry/vdso/vma.c': [plain, plain] },
    nearMisses: { 'its name only begins so': { 'drivers/vdso_test/boot.c': [plain, plain] } },
  },
  'patching-core-touched': {
    breaks: { 'kernel/livepatch/core.c': [plain, plain] },
    nearMisses: { 'it is a sample': { 'samples/livepatch/livepatch-sample.c': [plain, plain] } },
  },
  'long-sleeper-touched': {
    breaks: mad('static int mad_thread(void *d) { while (!kthread_should_stop()) schedule(); return @; }\n', '0', '1'),
    nearMisses: {
      'the loop is in another function': mad(
        `static int mad_thread(void *d) { while (!kthread_should_stop()) mad_send(1); return 0; }\n${plain}`,
        'a',
        '-a',
      ),
    },
  },
  'callback-unpaired': {
    breaks: { 'mad.c': ['int a;\n', 'int a;\nKPATCH_PRE_PATCH_CALLBACK(setup);\n'] },
    nearMisses: {
      'the pair is whole': {
        'mad.c': ['int a;\n', 'int a;\nKPATCH_PRE_PATCH_CALLBACK(setup);\nKPATCH_POST_UNPATCH_CALLBACK(reset);\n'],
      },
      'the counterpart is in another file': {
        'mad.c': ['int a;\n', 'int a;\nKPATCH_PRE_PATCH_CALLBACK(setup);\n'],
        'rmpp.c': ['int a;\n', 'int a;\nKPATCH_POST_UNPATCH_CALLBACK(reset);\n'],
      },
      'only the end of it is there': { 'mad.c': ['int a;\n', 'int a;\nKPATCH_POST_UNPATCH_CALLBACK(reset);\n'] },
    },
  },
  'shadow-variable-kept': {
    breaks: mad('int *f(void *mad) { return @; }\n', '0', 'klp_shadow_alloc(mad, 1, 4, 0, 0, 0)'),
    nearMisses: {
      'another file frees it': {
        ...mad('int *f(void *mad) { return @; }\n', '0', 'klp_shadow_alloc(mad, 1, 4, 0, 0, 0)'),
        'rmpp.c': ['int a;\n', 'int a;\nstatic void reset(void *o) { klp_shadow_free_all(1, 0); }\n'],
      },
    },
  },
};

/** A kernel that has one option and has another one switched off. */
const config = parseKernelConfig('CONFIG_MAD_ON=y\n# CONFIG_MAD_OFF is not set\n');

/** The findings for these files. */
export function check(files: Files) {
  const texts = new Map<string, SourceTexts>(
    Object.entries(files).map(([file, [original, patched]]) => [file, { original, patched }]),
  );
  return checkSourceRules({ texts, config });
}

type RuleProvocations = { readonly [Id in keyof typeof sourceRules]: () => ReturnType<typeof check> };

export const sourceRuleProvocations = Object.fromEntries(
  Object.entries(ruleCases).map(([id, { breaks }]) => [id, () => check(breaks)]),
) as RuleProvocations;
