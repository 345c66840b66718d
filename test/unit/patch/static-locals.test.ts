import { expect, test } from 'vitest';
import { outlineOf } from '../../../src/patch/c-outline.js';
import { staticLocals } from '../../../src/patch/static-locals.js';

test('static locals are what keeps its value between calls, with types and values', () => {
  const source = `int f(void)
{
	int plain = 1;
	static int count;
	static const char *const names[] = { "static" };
	static void (*hook)(int) = 0;
	static DEFINE_MUTEX(lock);
	static u8 map[4] __aligned(8);
	static const char *next = "a";
	static struct mad pool = { .id = 1 }, second;
	return plain;
}`;
  const [item] = outlineOf(source).items;
  expect(item && staticLocals(item).map((local) => Object.values(local).join(' | '))).toEqual([
    'count | 4 | static int @ |  | false',
    'names | 5 | static const char * const @ [ ] | { "static" } | true',
    'hook | 6 | static void ( * @ ) ( int ) | 0 | false',
    'lock | 7 | static DEFINE_MUTEX ( @ ) |  | false',
    'map | 8 | static u8 @ [ 4 ] __aligned ( 8 ) |  | false',
    'next | 9 | static const char * @ | "a" | false',
    'pool | 10 | static struct mad @ | { . id = 1 } | false',
    'second | 10 | static struct mad @ |  | false',
  ]);
});
