/** Runs provocations and judges what comes of them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Diagnostic, KptoolError } from '../../src/diagnostics/diagnostic.js';
import { findTestKernel } from '../kernel/requirements.js';
import type { Need, Provocation, Run } from './provocation.js';

const isMet: Readonly<Record<Need, () => boolean>> = {
  gcc: () => (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, 'gcc'))),
  'kernel-headers': () => findTestKernel().kernel !== undefined,
};

/** Set by scripts/test once everything was installed: a skip would then hide a failure. */
export const isEverythingRequired = process.env.KPTOOL_REQUIRE_KERNEL === '1';

/** What the provocation needs and this machine lacks. */
export function missingNeeds(provocation: Provocation): readonly Need[] {
  const needs = typeof provocation === 'function' ? [] : provocation.needs;
  return needs.filter((need) => !isMet[need]());
}

export function runOf(provocation: Provocation): Run {
  return typeof provocation === 'function' ? provocation : provocation.run;
}

/** What the run throws or returns as findings. Any other exception is passed on: a bug is no finding. */
export async function findingsOf(run: Run): Promise<readonly Diagnostic[]> {
  try {
    const result = await run();
    return Array.isArray(result) ? result.filter(isDiagnostic) : [];
  } catch (error) {
    if (error instanceof KptoolError) return error.diagnostics;
    throw error;
  }
}

function isDiagnostic(value: unknown): value is Diagnostic {
  return typeof value === 'object' && value !== null && 'code' in value && 'severity' in value;
}

/** What is wrong with findings that should be exactly `code`, well worded; empty where nothing is. */
export function problemsOf(code: string, findings: readonly Diagnostic[]): string[] {
  const codes = [...new Set(findings.map((finding) => finding.code))];
  const problems: string[] = [];
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(code)) problems.push(`${code} is not kebab-case`);
  if (codes.length !== 1 || codes[0] !== code)
    problems.push(`expected ${code}, got ${codes.join(', ') || 'no finding'}`);
  for (const finding of findings) {
    for (const part of ['what', 'why', 'fix'] as const) {
      const text = finding[part];
      if (text.trim() === '') problems.push(`${finding.code}: ${part} is empty`);
      if (/\bundefined\b|\bNaN\b|\[object |\n/.test(text)) problems.push(`${finding.code}: ${part} reads "${text}"`);
    }
  }
  return problems;
}
