import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openNotebook, type OpenCase } from '../../../local/demo/notebook.ts';

const place = { towerId: '0000000000000001', locker: 5 };
const cases: OpenCase[] = [
  { kind: 'parcel', partnerId: 'couriernet', place, reservationId: 'RES-1', barcode: '123' },
  { kind: 'link', partnerId: 'doorlink', place, requestId: 7, link: 'http://127.0.0.1:1/o/abc' },
];

describe('the demo’s notebook', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'towercast-notebook-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is empty at first, and then what was written last', () => {
    const file = join(folder, 'demo', 'stories.json');
    expect(openNotebook(file).read()).toEqual([]);
    openNotebook(file).write(cases);
    openNotebook(file).write(cases.slice(1));
    expect(openNotebook(file).read()).toEqual(cases.slice(1));
  });

  it.each(['', '{', '[{"kind":"parade"}]'])('starts over when it can’t be read: %j', async (text) => {
    const file = join(folder, 'stories.json');
    await writeFile(file, text);
    expect(openNotebook(file).read()).toEqual([]);
  });
});
