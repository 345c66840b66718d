/** For every rule that the objects decide: a patch that breaks it, and the nearest one that does not. */
import type { objectRules } from '../../src/diagnostics/object-rules.js';
import type { typeRules } from '../../src/diagnostics/type-rules.js';
import { readModuleFile } from '../../src/kernel/module-file.js';
import { compareVersions } from '../../src/pipeline/export-versions.js';
import { moduleFile } from '../unit/kernel/target.js';
import type { Provocation } from './provocation.js';
import { findingsOfRule, type RuleTree, type Sides } from './rule-tree.js';

export interface ObjectRuleCase {
  readonly breaks: RuleTree;
  /** By name, what makes the difference. */
  readonly nearMisses: Readonly<Record<string, RuleTree>>;
}

/** The rules about checksums need kbuild's, see `test/unit/pipeline/exports.test.ts`. */
type RuleId = keyof typeof objectRules | keyof typeof typeRules;

export type ComparedRules = Exclude<
  RuleId,
  'export-version-changed' | 'export-version-changed-unused' | 'export-version-foreign'
>;

/** `mad.c` with `@` in place of what changes. */
function mad(text: string, before: string, after: string, rest: Partial<RuleTree> = {}): RuleTree {
  return { ...rest, files: { 'mad.c': changing(text, before, after) } };
}

function changing(text: string, before: string, after: string): Sides {
  return [text.replaceAll('@', before), text.replaceAll('@', after)];
}

const AGENT = 'struct mad { int id; @ int state; };\nint mad_send(struct mad *m) { return printk("%d", m->state); }\n';
/** Whatever it is called, or of what type, `@` is at the beginning, and the function that reads the struct changes with it. */
const NAMED = 'struct mad { int @; int state; };\nint mad_send(struct mad *m) { return printk("@ %d", m->state); }\n';
const SEND = 'int mad_send(int x) { return printk("@ %d", x); }\n';

const LIMITS = `struct limits { @ };
struct limits limits;
int mad_limit(int x) { limits.most += x; return printk("%d", limits.least); }
`;
const PASSED = LIMITS.replace('struct limits limits;\n', '')
  .replaceAll('limits.', 'l->')
  .replace('int x', 'struct limits *l, int x');
const SWAPPED = ['int most; int least;', 'int least; int most;'] as const;

const SHARED = 'struct mad { int id; @ int state; };\nint core_post(struct mad *m);\n';
const POST = 'int mad_send(struct mad *m) { m->state = 1; return core_post(m) + 1; }\n';
const CORE = { symvers: '0x00000002\tcore_post\tcore\tEXPORT_SYMBOL\t\n' };

const STATES = 'enum state { IDLE, BUSY@, STATE_MAX };\nstruct mad { enum state state; };\n';
const BUSY = 'int mad_send(struct mad *m) { return printk("%d", m->state == BUSY ? STATE_MAX : 0); }\n';

const INLINE = 'inline __attribute__((always_inline))';
const HELPER = 'static @ int check(int x) { printk("check %d", x); return x * 3; }\n';
const GROWING = HELPER.replace('@', INLINE).replace('* 3', '* @');
const CALLERS = 'int mad_show(int x) { return check(x) + 1; }\nint mad_list(int x) { return check(x + 1); }\n';

/** Without a use of its second parameter gcc makes `check.constprop.0`. */
const CLONED = 'static noinline void check(int a, int b) { printk("%d", a); @ }\n';
const CLONE_CALLER = 'void mad_show(int a) { check(a, 3); check(7, 4); }\n';
const USE = 'printk("%d", b);';

const WHERE = `int mad_send(int x) { @return printk("%d", x); }
int mad_where(int x) { return x / (__LINE__ + 7); }
`;
/** gcc computes it, and nothing says any more that it was a call. */
const FOLDING = 'int mad_show(int x) { return printk("%d", x + scale(18)); }\n';
const MORE_LINES = '\n\tx += 2;\n\t';

/** As KPATCH_IGNORE_FUNCTION writes it. */
const IGNORE = 'static void *mark __attribute__((used, section(".kpatch.ignore.functions"))) = mad_list;\n';

const PUT = 'static noinline int mad_put(int x) { return printk("@ %d", x); }\n';
const putting = (name: string) => `#include "mad.h"\nint ${name}(int x) { return mad_put(x) + mad_put(x + 1); }\n`;

const FLUSH = 'int mad_flush(int x) { return printk("flush %d", x); }\n';
const FLUSHING = 'int mad_flush(int x);\nint mad_stop(int x) { return mad_flush(x) + 1; }\n';
const WITHOUT_FLUSH: Sides = [SEND + FLUSH, SEND.replace('@', 'new')];

const BUFFER = 'int buffer_get(int x);\nint mad_send(int x) { return @; }\n';
const GET = ['x', 'buffer_get(x) + 1'] as const;
const ROW = '0x00000002\tbuffer_get\tvmlinux\tEXPORT_SYMBOL_GPL\tBUFFERS\n';
const BUFFERS = { symvers: ROW };
/** As MODULE_IMPORT_NS writes it. */
const IMPORT = 'static const char ns[] __attribute__((used, section(".modinfo"))) = "import_ns=BUFFERS";\n';

export const objectRuleCases: { readonly [Id in ComparedRules]: ObjectRuleCase } = {
  'type-layout-changed': {
    breaks: mad(AGENT, '', 'long since;'),
    nearMisses: {
      'a member has another name': mad(NAMED, 'id', 'number'),
      'a member has another type of the same size': mad(
        NAMED.replace('int @;', '@ id;').replace('@ %d', '@'),
        'int',
        'unsigned int',
      ),
      'no changed function can get to the type': mad(
        `struct other { int a; @ };\nint f(struct other *o) { return o->a; }\nint mad_send(int x) { return sizeof("@") + x; }\n`,
        '',
        'int b;',
      ),
      'the type is new': mad(
        `@${SEND.replace('@', 'send')}`,
        '',
        'struct late { int a; };\nint mad_late(struct late *l) { return printk("%d", l->a); }\n',
      ),
    },
  },
  'type-layout-of-data': {
    breaks: mad(LIMITS, ...SWAPPED),
    nearMisses: {
      'only an argument is of the type': mad(PASSED, ...SWAPPED),
      'a new member takes unused bytes': {
        files: {
          'mad.c': [
            LIMITS.replace('@', 'int most; short least;'),
            LIMITS.replace('@', 'int most; short least; short flags;').replace('limits.least', 'limits.flags'),
          ],
        },
      },
      'the variable is new': mad(
        `struct limits { ${SWAPPED[0]} };\n${SEND}`,
        `struct limits { ${SWAPPED[0]} };`,
        `struct limits { ${SWAPPED[1]} }; struct limits limits;`,
      ),
    },
  },
  'type-layout-shared': {
    breaks: mad(SHARED + POST, '', 'int since;', CORE),
    nearMisses: {
      'the function is compiled again too': {
        files: {
          'mad.h': changing(SHARED, '', 'int since;'),
          'mad.c': `#include "mad.h"\n${POST}`,
          'post.c': '#include "mad.h"\nint core_post(struct mad *m) { return printk("%d", m->state); }\n',
        },
      },
      'another type is handed over': mad(
        SHARED.replace('(struct mad *m)', '(int *x)') + POST.replace('core_post(m)', 'core_post(&m->id)'),
        '',
        'int since;',
        CORE,
      ),
    },
  },
  'enum-values-changed': {
    breaks: mad(STATES.replace('IDLE, BUSY@', 'IDLE@, BUSY') + BUSY, '', ', PAUSED'),
    nearMisses: { 'the new one comes behind the others, and one counts them': mad(STATES + BUSY, '', ', PAUSED') },
  },
  'type-layout-unknown': {
    breaks: mad(AGENT, '', 'long since;', { flags: [] }),
    nearMisses: {
      'only a function changes': mad(SEND, 'a', 'b', { flags: [] }),
      'there are debug data': mad(AGENT, '', 'long since;'),
      'they are packed': mad(AGENT, '', 'long since;', { flags: ['-g', '-gz=zlib'] }),
    },
  },
  'inlining-changed': {
    breaks: mad(HELPER + CALLERS, INLINE, 'noinline'),
    nearMisses: {
      'the patch touches the callers too': mad(
        HELPER + CALLERS.replaceAll('check(', 'sizeof("@") + check('),
        INLINE,
        'noinline',
      ),
      'the callee changes and stays inlined': mad(GROWING + CALLERS, '3', '5'),
    },
  },
  'clone-changed': {
    breaks: mad(CLONED + CLONE_CALLER, USE, ''),
    nearMisses: {
      'no clone is made': mad(CLONED.replace('noinline', 'noinline __attribute__((noipa))') + CLONE_CALLER, USE, ''),
      'the patch touches the caller too': {
        files: {
          'mad.c': [CLONED.replace('@', USE) + CLONE_CALLER, CLONED.replace('@', '') + CLONE_CALLER.replace('7', '8')],
        },
      },
    },
  },
  'function-changed-unexpectedly': {
    breaks: mad(WHERE, '', MORE_LINES),
    nearMisses: {
      'its lines do not move': mad(WHERE, '', 'x += 2; '),
      'it holds a function that the patch touches': mad(GROWING + CALLERS, '3', '5'),
      'a call of what the patch touches is folded to a constant': mad(
        `static inline int scale(int a) { return a * @; }\n${FOLDING}`,
        '3',
        '5',
      ),
      'a macro makes its name': mad(
        '#define HANDLER(name) handle_##name\nint HANDLER(send)(int x)\n{\n\treturn printk("%d", x + @);\n}\n',
        '3',
        '5',
      ),
      'the patch takes its address': mad(
        `static noinline int put(int x) { return printk("%d", x); }\nint mad_send(int x) { @; return put(x); }\n`,
        '',
        'int (*volatile pointer)(int) = put; x = pointer(x)',
        { flags: ['-g', '-fcf-protection=branch'] },
      ),
      'a header defines what is folded to a constant': {
        files: {
          'mad.h': changing('static inline int scale(int a) { return a * @; }\n', '3', '5'),
          'mad.c': `#include "mad.h"\n${FOLDING}`,
        },
      },
      'the patch changes a macro': mad(`#define STEP @\n${WHERE.replace('@', '').replace('+ 7', '+ STEP')}`, '1', '2'),
      'there are no debug data': mad(WHERE, '', MORE_LINES, { flags: [] }),
    },
  },
  'clone-left-behind': {
    breaks: mad(`${CLONED}${CLONE_CALLER}void mad_list(int a) { check(a, 5); }\n${IGNORE}`, '', USE),
    nearMisses: {
      'all callers are replaced': mad(`${CLONED}${CLONE_CALLER}void mad_list(int a) { check(a, 5); }\n`, '', USE),
      'the clone is replaced too': mad(CLONED.replace('@', '').replace('%d', '@ %d') + CLONE_CALLER, 'a', 'b'),
    },
  },
  'copy-left-behind': {
    breaks: {
      files: { 'mad.h': changing(PUT, 'put', 'give'), 'mad.c': putting('mad_send') },
      others: { 'other.c': putting('mad_other') },
    },
    nearMisses: {
      'all of them are compiled': {
        files: { 'mad.h': changing(PUT, 'put', 'give'), 'mad.c': putting('mad_send'), 'other.c': putting('mad_other') },
      },
      'no header defines it': {
        files: { 'mad.c': changing(PUT + putting('mad_send').replace(/.*\n/, ''), 'put', 'give') },
        others: { 'mad.h': PUT.replace('@', 'other'), 'other.c': putting('mad_other') },
      },
    },
  },
  'removed-function-in-use': {
    breaks: { files: { 'mad.c': WITHOUT_FLUSH }, others: { 'other.c': FLUSHING } },
    nearMisses: {
      'nobody calls it': { files: { 'mad.c': WITHOUT_FLUSH } },
      'it moves to another object': {
        files: {
          'mad.c': WITHOUT_FLUSH,
          'flush.c': ['int start(int x) { return x; }\n', `int start(int x) { return x; }\n${FLUSH}`],
        },
        others: { 'other.c': FLUSHING },
      },
      'its caller is replaced': {
        files: { 'mad.c': WITHOUT_FLUSH, 'other.c': [FLUSHING, FLUSHING.replace('mad_flush(x) + 1', 'x')] },
      },
    },
  },
  'namespace-not-imported': {
    breaks: mad(BUFFER, ...GET, BUFFERS),
    nearMisses: {
      'the patch imports it': {
        ...BUFFERS,
        files: { 'mad.c': [BUFFER.replace('@', GET[0]), BUFFER.replace('@', GET[1]) + IMPORT] },
      },
      'the module that runs imports it': mad(BUFFER, ...GET, { ...BUFFERS, others: { 'import.c': IMPORT } }),
      'the module uses the symbol already': mad(BUFFER, 'buffer_get(x)', GET[1], BUFFERS),
      'the symbol is in no namespace': mad(BUFFER, ...GET, { symvers: ROW.replace('BUFFERS', '') }),
    },
  },
};

/** An export whose checksum was 1 and is 2 in the patched object. */
async function exportChanged(original: number, used: readonly string[]) {
  const version = (crc: number) => new Map([['ib_mad_post', { crc, object: 'mad.o', modules: ['ib_mad'] }]]);
  const checksums = { ib_mad_post: 1 };
  return compareVersions({
    versions: { original: version(original), patched: version(2) },
    targets: [{ name: 'ib_mad', module: await readModuleFile(await moduleFile({ checksums })) }],
    contributions: [{ parts: { functions: used.map((name) => ({ object: 'ib_mad', name })), relocations: [] } }],
    ...{ patches: [], exportTypes: new Map() },
  });
}

type OfVersions = Exclude<RuleId, ComparedRules>;

const versionProvocations: Readonly<Record<OfVersions, Provocation>> = {
  'export-version-changed': () => exportChanged(1, ['ib_mad_post']),
  'export-version-changed-unused': () => exportChanged(1, ['ib_mad_class_timeout']),
  'export-version-foreign': () => exportChanged(2, ['ib_mad_post']),
};

const comparedProvocations = Object.fromEntries(
  Object.entries(objectRuleCases).map(([id, { breaks }]): [string, Provocation] => [
    id,
    { needs: ['gcc'], run: () => findingsOfRule(id, breaks) },
  ]),
) as Readonly<Record<ComparedRules, Provocation>>;

export const objectRuleProvocations: Readonly<Record<RuleId, Provocation>> = {
  ...comparedProvocations,
  ...versionProvocations,
};
