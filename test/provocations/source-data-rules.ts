/** For every rule about data, types and exports: a change that breaks it, and the nearest ones that do not. */
import type { sourceDataRules } from '../../src/diagnostics/source-data-rules.js';
import { mad, type RuleCases } from './rule-case.js';

export const sourceDataCases: RuleCases<typeof sourceDataRules> = {
  'initial-value-touched': {
    breaks: mad('static int mad_limit = @;\n', '5', '7'),
    nearMisses: {
      'it has the size of a type that stays': mad(
        'struct a { int @; };\nstruct b { int b; };\nstatic int mad_limit = sizeof(struct b);\n',
        'a',
        'c',
      ),
      'the variable is new': { 'mad.c': ['int a;\n', 'int a;\nstatic int mad_limit = 7;\n'] },
      'only its attributes change': mad('static int mad_limit @ = 5;\n', '', '__read_mostly'),
      'it is a constant of a function': mad('static int f(void) { static int a; return a + @; }\n', '5', '7'),
      'a local has another value': mad('static int f(void) { int limit = @; return limit; }\n', '5', '7'),
    },
  },
  'data-type-touched': {
    breaks: mad('static int mad_map[@];\n', '4', '8'),
    nearMisses: {
      'only its value changes': mad('static int mad_map[2] = { @ };\n', '4', '8'),
      'it is not defined here': mad('extern int mad_map[@];\n', '4', '8'),
      'it is marked as used': mad('static int mad_map[4] @;\n', '', '__maybe_unused'),
    },
  },
  'static-local-dropped': {
    breaks: mad('static int f(void)\n{\n\t@\n\treturn 1;\n}\n', 'static int count;', 'int count;'),
    nearMisses: {
      'it gets another initial value': mad('static int f(void) { static int count = @; return count++; }\n', '1', '2'),
      'one comes': mad('static int f(void)\n{\n\t@\n\treturn 1;\n}\n', 'int count;', 'static int count;'),
    },
  },
  'static-local-retyped': {
    breaks: mad('static int f(void)\n{\n\tstatic @ count;\n\treturn count++;\n}\n', 'u8', 'u32'),
    nearMisses: {
      'another variable of the function does': mad(
        'static int f(void)\n{\n\tstatic int count;\n\t@ a = 1;\n\treturn count + a;\n}\n',
        'u8',
        'u32',
      ),
      'another one of its name is new': mad(
        'static int f(int a)\n{\n\tif (a) {\n\t\t@\n\t}\n\tstatic int count;\n\treturn count++;\n}\n',
        '',
        'static u64 count;',
      ),
    },
  },
  'static-local-added': {
    breaks: mad('static int f(void)\n{\n\t@\n\treturn 1;\n}\n', '', 'static int count;'),
    nearMisses: {
      'it is constant': mad('static int f(void)\n{\n\t@\n\treturn 1;\n}\n', '', 'static const int map[] = { 1 };'),
      'it is in a new function': {
        'mad.c': ['int a;\n', 'int a;\nint f(void) { static int count; return count++; }\n'],
      },
      'it is the flag of a message': mad('static int f(void)\n{\n\t@\n\treturn 1;\n}\n', '', 'WARN_ON_ONCE(1);'),
    },
  },
  'type-layout-touched': {
    breaks: mad('struct mad {\n\tint id;\n\t@\n} __randomize_layout;\n', '', 'int port;'),
    nearMisses: {
      'only a comment changes': mad('struct mad {\n\tint id; /* @ */\n};\n', 'a', 'b'),
      'the compiler does not see it': mad('struct mad {\n\tstruct rmpp @*rmpp;\n};\n', '', '__rcu '),
      'the type is new': {
        'mad.h': ['struct mad { int id; };\n', 'struct mad { int id; };\nstruct rmpp { int id; };\n'],
      },
      'a function has it': mad('struct mad *f(struct mad *mad) { return @; }\n', 'mad', '0'),
    },
  },
  'enumerators-renumbered': {
    breaks: mad('enum mad_state { MAD_IDLE, @ MAD_DONE };\n', '', 'MAD_LOST,'),
    nearMisses: {
      'the new one is the last': mad('enum mad_state { MAD_IDLE, MAD_DONE, @ };\n', '', 'MAD_LOST'),
      'each has a value of its own': mad('enum { MAD_IDLE = 1, @ MAD_DONE = 2 };\n', '', 'MAD_LOST = 3,'),
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
};
