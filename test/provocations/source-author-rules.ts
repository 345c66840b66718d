/** For every rule about callbacks and shadow variables: a change that breaks it, and the nearest ones that do not. */
import type { sourceAuthorRules } from '../../src/diagnostics/source-author-rules.js';
import { mad, type RuleCases } from './rule-case.js';

const callbacks = 'static int setup(patch_object *obj) { return 0; }\nstatic void reset(patch_object *obj) { }\n';

export const sourceAuthorCases: RuleCases<typeof sourceAuthorRules> = {
  'callback-unpaired': {
    breaks: { 'mad.c': ['int a;\n', `int a;\n${callbacks}KPATCH_PRE_PATCH_CALLBACK(setup);\n`] },
    nearMisses: {
      'the pair is whole': {
        'mad.c': [
          'int a;\n',
          `int a;\n${callbacks}KPATCH_PRE_PATCH_CALLBACK(setup);\nKPATCH_POST_UNPATCH_CALLBACK(reset);\n`,
        ],
      },
      'the counterpart is in another file': {
        'mad.c': ['int a;\n', `int a;\n${callbacks}KPATCH_PRE_PATCH_CALLBACK(setup);\n`],
        'rmpp.c': ['int a;\n', `int a;\n${callbacks}KPATCH_POST_UNPATCH_CALLBACK(reset);\n`],
      },
      'only the end of it is there': {
        'mad.c': ['int a;\n', `int a;\n${callbacks}KPATCH_POST_UNPATCH_CALLBACK(reset);\n`],
      },
    },
  },
  'callback-repeated': {
    breaks: {
      'mad.c': [
        'int a;\n',
        'int a;\nstatic int setup(patch_object *obj) { return 0; }\nstatic void reset(patch_object *obj) { }\nKPATCH_PRE_PATCH_CALLBACK(setup);\nKPATCH_POST_UNPATCH_CALLBACK(reset);\nKPATCH_POST_UNPATCH_CALLBACK(reset);\n',
      ],
    },
    nearMisses: {
      'they are of two kinds': {
        'mad.c': [
          'int a;\n',
          'int a;\nstatic int setup(patch_object *obj) { return 0; }\nstatic void reset(patch_object *obj) { }\nKPATCH_PRE_PATCH_CALLBACK(setup);\nKPATCH_POST_UNPATCH_CALLBACK(reset);\n',
        ],
      },
    },
  },
  'callback-unfit': {
    breaks: {
      'mad.c': [
        'int a;\n',
        'int a;\nstatic long setup(patch_object *obj) { return 0; }\nstatic void reset(patch_object *obj) { }\nKPATCH_PRE_PATCH_CALLBACK(setup);\nKPATCH_POST_UNPATCH_CALLBACK(reset);\n',
      ],
    },
    nearMisses: {
      'its type is right': {
        'mad.c': [
          'int a;\n',
          'int a;\nstatic __maybe_unused int setup(struct klp_object *obj) { return 0; }\nstatic void reset(struct klp_object *obj) { }\nKPATCH_PRE_PATCH_CALLBACK(setup);\nKPATCH_POST_UNPATCH_CALLBACK(reset);\n',
        ],
      },
    },
  },
  'callback-not-repeatable': {
    breaks: {
      'mad.c': [
        'int limit;\n',
        'int limit;\nstatic int setup(patch_object *obj) { limit += 2; return 0; }\nstatic void reset(patch_object *obj) { }\nKPATCH_PRE_PATCH_CALLBACK(setup);\nKPATCH_POST_UNPATCH_CALLBACK(reset);\n',
      ],
    },
    nearMisses: {
      'it sets a value': {
        'mad.c': [
          'int limit;\n',
          'int limit;\nstatic int setup(patch_object *obj) { limit = 2; return 0; }\nstatic void reset(patch_object *obj) { }\nKPATCH_PRE_PATCH_CALLBACK(setup);\nKPATCH_POST_UNPATCH_CALLBACK(reset);\n',
        ],
      },
      'it asks first': {
        'mad.c': [
          'int limit;\n',
          'int limit;\nstatic int setup(patch_object *obj) { if (!obj->patched) limit += 2; return 0; }\nstatic void reset(patch_object *obj) { }\nKPATCH_PRE_PATCH_CALLBACK(setup);\nKPATCH_POST_UNPATCH_CALLBACK(reset);\n',
        ],
      },
      'the variable is its own': {
        'mad.c': [
          'int limit;\n',
          'int limit;\nstatic int setup(patch_object *obj) { int a = 0; a += 2; return 0; }\nstatic void reset(patch_object *obj) { }\nKPATCH_PRE_PATCH_CALLBACK(setup);\nKPATCH_POST_UNPATCH_CALLBACK(reset);\n',
        ],
      },
    },
  },
  'shadow-variable-kept': {
    breaks: mad('int *f(void *mad) { return @; }\n', '0', 'klp_shadow_alloc(mad, 1, 4, 0, 0, 0)'),
    nearMisses: {
      'another file frees it': {
        ...mad('int *f(void *mad) { return @; }\n', '0', 'klp_shadow_alloc(mad, 1, 4, 0, 0, 0)'),
        'rmpp.c': ['int a;\n', 'int a;\nstatic void reset(void *o) { klp_shadow_free_all(1, 0); }\n'],
      },
      'it is freed by its number': {
        'mad.c': [
          'int a;\n',
          '#define MAD 1\nint *f(void *m) { return klp_shadow_alloc(m, MAD, 4, 0, 0, 0); }\nvoid g(void) { klp_shadow_free_all(1, 0); }\n',
        ],
      },
    },
  },
  'shadow-id-shared': {
    breaks: {
      'mad.c': [
        'int a;\n',
        'int a;\nint *f(void *mad) { return klp_shadow_alloc(mad, 1, sizeof(u32), 0, 0, 0); }\nint *g(void *mad) { return klp_shadow_alloc(mad, 1, sizeof(u64), 0, 0, 0); }\nvoid h(void) { klp_shadow_free_all(1, 0); klp_shadow_free_all(2, 0); }\n',
      ],
    },
    nearMisses: {
      'they have two ids': {
        'mad.c': [
          'int a;\n',
          'int a;\nint *f(void *mad) { return klp_shadow_alloc(mad, 2, sizeof(u32), 0, 0, 0); }\nint *g(void *mad) { return klp_shadow_alloc(mad, 1, sizeof(u64), 0, 0, 0); }\nvoid h(void) { klp_shadow_free_all(1, 0); klp_shadow_free_all(2, 0); }\n',
        ],
      },
      'they are of one kind': {
        'mad.c': [
          'int a;\n',
          'int a;\nint *f(void *mad) { return klp_shadow_alloc(mad, 1, sizeof(u32), 0, 0, 0); }\nint *g(void *mad) { return klp_shadow_alloc(mad, 1, sizeof(u32), 0, 0, 0); }\nvoid h(void) { klp_shadow_free_all(1, 0); klp_shadow_free_all(2, 0); }\n',
        ],
      },
      'the id is not known': {
        'mad.c': [
          'int a;\n',
          'int a;\nint *f(void *mad) { return klp_shadow_alloc(mad, id, sizeof(u32), 0, 0, 0); }\nint *g(void *mad) { return klp_shadow_alloc(mad, id, sizeof(u64), 0, 0, 0); }\nvoid h(void) { klp_shadow_free_all(id, 0); klp_shadow_free_all(2, 0); }\n',
        ],
      },
    },
  },
  'force-unsafe-used': {
    breaks: { 'mad.c': ['int a;\n', 'int a;\nKPATCH_FORCE_UNSAFE(mad_loop);\n'] },
    nearMisses: {
      'it says what to ignore': { 'mad.c': ['int a;\n', 'int a;\nKPATCH_IGNORE_FUNCTION(mad_loop);\n'] },
    },
  },
};
