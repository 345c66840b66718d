/** For every rule about functions: a change that breaks it, and the nearest ones that do not. */
import type { sourceFunctionRules } from '../../src/diagnostics/source-function-rules.js';
import { mad, plain, type RuleCases } from './rule-case.js';

export const sourceFunctionCases: RuleCases<typeof sourceFunctionRules> = {
  'untraceable-function-touched': {
    breaks: mad('noinstr int mad_enter(int a)\n{\n\treturn @;\n}\n', 'a', '-a'),
    nearMisses: {
      'it calls the function that changes': mad(
        'noinstr int mad_enter(int a) { return f(a); }\nint f(int a) { return @; }\n',
        'a',
        '-a',
      ),
      'it is inline, and so is what calls it, up to a function that can be redirected': mad(
        'static inline int f(int a) { return @; }\nstatic inline int g(int a) { return f(a); }\nint h(void) { return g(1); }\n',
        'a',
        '-a',
      ),
      'the mark stands in the body': mad('int f(int a) { int notrace = @; return notrace; }\n', 'a', '-a'),
    },
  },
  'kprobe-blacklisted-touched': {
    breaks: mad('int mad_fault(int a) { return @; }\nNOKPROBE_SYMBOL(mad_fault);\n', 'a', '-a'),
    nearMisses: {
      'another function is listed': mad(
        'int f(int a) { return @; }\nint mad_fault(int a) { return a; }\nNOKPROBE_SYMBOL(mad_fault);\n',
        'a',
        '-a',
      ),
    },
  },
  'system-call-touched': {
    breaks: mad('SYSCALL_DEFINE2(mad, int, a, int, b)\n{\n\treturn @;\n}\n', 'a', 'b'),
    nearMisses: {
      'it is written with the macro': {
        'mad.c': [
          'SYSCALL_DEFINE1(mad, int, a)\n{\n\treturn a;\n}\n',
          'KPATCH_SYSCALL_DEFINE1(mad, int, a)\n{\n\treturn -a;\n}\n',
        ],
      },
      'it has no arguments': mad('SYSCALL_DEFINE0(mad)\n{\n\treturn @;\n}\n', '1', '2'),
      'it calls the function that changes': mad(
        'static int f(int a) { return @; }\nSYSCALL_DEFINE1(mad, int, a) { return f(a); }\n',
        'a',
        '-a',
      ),
    },
  },
  'linkage-touched': {
    breaks: mad('@ int mad_send(int a)\n{\n\treturn a;\n}\n', 'static', ''),
    nearMisses: {
      'it is new': { 'mad.c': ['int a;\n', 'int a;\nint mad_send(int a) { return a; }\n'] },
      'only its declaration changes': mad('@ int mad_send(int a);\n', 'static', ''),
    },
  },
  'function-removed': {
    breaks: {
      'mad.c': ['static int f(int a) { return a; }\nint g(void) { return start(f); }\n', 'int g(void) { return 0; }\n'],
    },
    nearMisses: {
      'it was only called': {
        'mad.c': ['static int f(int a) { return a; }\nint g(void) { return f(1); }\n', 'int g(void) { return 0; }\n'],
      },
      'it moves to another file': {
        'mad.c': [
          'int f(int a) { return a; }\nint g(void) { return start(f); }\n',
          'int g(void) { return start(f); }\n',
        ],
        'rmpp.c': ['int b;\n', 'int b;\nint f(int a) { return a; }\n'],
      },
    },
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
  'static-call-touched': {
    breaks: mad(
      'DEFINE_STATIC_CALL(mad_hook, mad_none);\nint f(int a) { return static_call(mad_hook)(@); }\n',
      'a',
      '-a',
    ),
    nearMisses: {
      'it goes through the pointer': mad(
        'DEFINE_STATIC_CALL(mad_hook, mad_none);\nint f(int a) { return KPATCH_STATIC_CALL(mad_hook)(@); }\n',
        'a',
        '-a',
      ),
      'it is only set': mad('int f(int a) { static_call_update(mad_hook, mad_all); return @; }\n', 'a', '-a'),
    },
  },
  'tracepoint-touched': {
    breaks: mad('int f(int a)\n{\n\ttrace_mad_send(a);\n\treturn @;\n}\n', '1', '2'),
    nearMisses: {
      'it is trace_printk': mad('int f(int a)\n{\n\ttrace_printk("%d", a);\n\treturn @;\n}\n', '1', '2'),
      'another function has it': mad(`int f(int a) { trace_mad_send(a); return 1; }\n${plain}`, 'a', '-a'),
    },
  },
  'dynamic-debug-touched': {
    breaks: mad('int f(int a)\n{\n\tpr_debug("%d", a);\n\treturn @;\n}\n', '1', '2'),
    nearMisses: {
      'the message is always printed': mad('int f(int a)\n{\n\tpr_info("%d", a);\n\treturn @;\n}\n', '1', '2'),
      'another function has it': mad(
        'int f(int a) { pr_debug("%d", a); return 1; }\nint g(void) { return @; }\n',
        '1',
        '2',
      ),
    },
  },
  'locking-touched': {
    breaks: mad('int f(struct mad *mad)\n{\n\t@\n\treturn 1;\n}\n', '', 'mutex_lock(&mad->lock);'),
    nearMisses: {
      'it unlocks once more': mad(
        'int f(struct mad *mad)\n{\n\tmutex_lock(&mad->lock);\n\tif (g()) {\n\t\t@\n\t\treturn 1;\n\t}\n\tmutex_unlock(&mad->lock);\n\treturn 0;\n}\n',
        '',
        'mutex_unlock(&mad->lock);',
      ),
      'it takes it in another way': mad(
        'int f(struct mad *mad)\n{\n\tif (@(&mad->lock))\n\t\treturn 1;\n\treturn 0;\n}\n',
        'mutex_lock_interruptible',
        'mutex_lock_killable',
      ),
      'it is a section of readers': mad('int f(struct mad *mad)\n{\n\t@\n\treturn 1;\n}\n', '', 'rcu_read_lock();'),
    },
  },
};
