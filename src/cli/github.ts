/**
 * Findings as workflow commands of GitHub Actions, which the review of a change shows beside the lines that they are about
 * (https://docs.github.com/actions, "Workflow commands": `::error file=…,line=…,title=…::message`).
 */
import path from 'node:path';
import type { JsonDiagnostic, JsonDocument } from './json.js';

export interface Workspace {
  /** Absolute. Annotations name files relative to the checkout, `GITHUB_WORKSPACE`; else to the working directory. */
  readonly folder: string;
}

/** One line a finding; empty where there is none. Throws nothing. */
export function githubAnnotations({ diagnostics, tree }: JsonDocument, { folder }: Workspace): string {
  return diagnostics.map((diagnostic) => `${annotation(diagnostic, tree ?? folder, folder)}\n`).join('');
}

function annotation({ severity, code, what, why, fix, details, place }: JsonDiagnostic, tree: string, folder: string) {
  const properties: [string, string][] = [];
  if (place !== null) {
    properties.push(['file', shownPath(path.resolve(place.of === 'tree' ? tree : folder, place.file), folder)]);
    if (place.line !== null) properties.push(['line', String(place.line)]);
  }
  properties.push(['title', code]);
  const message = [what, why, fix, ...details].filter((text) => text !== '').join('\n');
  const shown = properties.map(([name, value]) => `${name}=${escapeProperty(value)}`).join(',');
  return `::${severity} ${shown}::${escapeData(message)}`;
}

/** What lies outside of the checkout keeps its absolute path, and is shown in the log alone. */
function shownPath(file: string, folder: string): string {
  const relative = path.relative(folder, file);
  return relative.startsWith('..') || relative === '' ? file : relative;
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
