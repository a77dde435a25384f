// What /metrics tells, read as Prometheus does, and the tools and files that go by it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run } from './child.mjs';

export const deploy = (path) => fileURLToPath(new URL(`../../../deploy/${path}`, import.meta.url));

// {family: {type, help, samples: [{name, labels, value}]}}
export function parseMetrics(text) {
  const families = {};
  let family = null;
  for (const line of text.split('\n').filter(Boolean)) {
    const [, kind, name, rest] = line.match(/^# (HELP|TYPE) (\S+) (.*)$/) ?? [];
    if (kind === 'HELP') {
      assert.ok(!families[name], `${name} is told in one place`);
      family = families[name] = { help: rest, samples: [] };
    } else if (kind === 'TYPE') {
      family.type = rest;
    } else {
      const [, series, list = '', value] = line.match(/^([a-z_]+)(?:\{(.*)\})? (\S+)$/) ?? assert.fail(line);
      const labels = Object.fromEntries([...list.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, text_]) => [label, text_]));
      family.samples.push({ name: series, labels, value: Number(value) });
    }
  }
  return families;
}

export async function scrapeText(node) {
  const response = await fetch(node.adminUrl('/metrics'));
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
  return response.text();
}

export class Scrape {
  constructor(text) {
    this.families = parseMetrics(text);
  }

  static async of(node) {
    return new Scrape(await scrapeText(node));
  }

  // The sum of the series with these labels.
  value(name, labels = {}) {
    const samples = Object.values(this.families).flatMap((family) => family.samples).filter((sample) => sample.name === name
      && Object.entries(labels).every(([label, value]) => sample.labels[label] === value));
    assert.ok(samples.length > 0, `${name} ${JSON.stringify(labels)} is told`);
    return samples.reduce((sum, sample) => sum + sample.value, 0);
  }

  // Names as a query may use them: of a histogram its three.
  names() {
    return new Set(Object.entries(this.families).flatMap(([name, { type }]) => (
      type === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => name + end) : [name])));
  }
}

// Of Debian's prometheus package.
export async function hasPromtool() {
  try {
    return (await run('promtool', ['--version'])).code === 0;
  } catch {
    return false;
  }
}

export async function promtool(args, options) {
  const { code, out, errors } = await run('promtool', args, options);
  assert.equal(code, 0, `promtool ${args.join(' ')}:\n${out}${errors}`);
}

// The queries of the dashboard and of the alerts.
export function queries() {
  const dashboard = JSON.parse(readFileSync(deploy('grafana/barker.json'), 'utf8'));
  const ofPanels = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  const ofAnnotations = dashboard.annotations.list.map(({ expr }) => expr);
  const rules = readFileSync(deploy('prometheus/alerts.yaml'), 'utf8');
  const ofRules = [...rules.matchAll(/^ +expr: (?:>-\n((?: {10}.*\n)+)|(.*)\n)/gm)].map(([, folded, line]) => folded ?? line);
  return { dashboard: [...ofPanels, ...ofAnnotations], alerts: ofRules };
}

// The table of deploy/METRICS.md.
export function metricsTable(families) {
  const rows = Object.entries(families).map(([name, { type, help, samples }]) => {
    const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)).filter((label) => label !== 'le'));
    return `| \`${name}\` | ${type} | ${[...labels].map((label) => `\`${label}\``).join(', ')} | ${help} |`;
  });
  return ['| Name | Type | Labels | Meaning |', '|---|---|---|---|', ...rows].join('\n');
}
