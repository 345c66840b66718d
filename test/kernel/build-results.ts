/** What a build of the kernel tier said, in the words that scenarios use. */
import type { BuildResult } from './builds.js';
import type { CliDocument, CliRun } from './command-line.js';
import type { LiveScenario, StoppedScenario } from './scenario.js';

/** The name under which the kernel knows it. */
export function moduleName(livepatch: string): string {
  return livepatch.replaceAll('-', '_');
}

/** The document of a build that ended with one. */
export function documentOf(result: BuildResult | undefined): CliDocument | undefined {
  return result !== undefined && 'document' in result ? result.document : undefined;
}

/** @throws Error where the build did not take place */
export function requireRun(result: BuildResult | undefined): CliRun {
  if (result === undefined) throw new Error('the build did not take place');
  if ('error' in result) throw new Error(result.error);
  return result;
}

/** The errors of a document, with what happened. */
export function errorsOf(document: CliDocument): string[] {
  return document.diagnostics
    .filter(({ severity }) => severity === 'error')
    .map(({ code, what }) => `${code}: ${what}`);
}

/** Which functions come from which object and when the kernel calls them, in one order. */
export function changesOf(objects: LiveScenario['build']['objects']): string[] {
  return objects
    .flatMap(({ object, module, changedFunctions, newFunctions, callbacks }) => [
      ...changedFunctions.map((name) => `${module} ${object}: ${name} changed`),
      ...newFunctions.map((name) => `${module} ${object}: ${name} new`),
      ...callbacks.map((callback) => `${module} ${object}: ${callback}`),
    ])
    .sort();
}

/** The codes of its findings, each once. */
export function codesOf(document: CliDocument, severity: 'error' | 'warning'): string[] {
  const found = document.diagnostics.filter((diagnostic) => diagnostic.severity === severity);
  return [...new Set(found.map(({ code }) => code))].sort();
}

/** How a build that gives no livepatch must end. */
export function wantedStop(scenario: StoppedScenario): { exitStatus: number; outcome: string; codes: string[] } {
  const { build } = scenario;
  if (build.outcome === 'unchanged') return { exitStatus: 3, outcome: 'unchanged', codes: [] };
  return { exitStatus: 1, outcome: 'refused', codes: [build.code] };
}
