import { describe, expect, it } from 'vitest';
import { boundedOutputs } from '../cells';

describe('the outputs of a cell that is read', () => {
  it('have at most 8 000 characters of text in all', () => {
    const outputs = boundedOutputs([
      { output_type: 'stream', name: 'stdout', text: 'a'.repeat(7_000) },
      {
        output_type: 'display_data',
        metadata: {},
        data: { 'text/html': 'h'.repeat(5_000), 'text/plain': ['b'.repeat(900), 'b'] }
      },
      { output_type: 'error', ename: 'E', evalue: 'v', traceback: ['c'.repeat(500), 'd'] }
    ]);
    const data = outputs[1].data as Record<string, string>;
    expect(data['text/plain']).toHaveLength(901);
    expect(data['text/html']).toHaveLength(99);
    expect(JSON.stringify(outputs).length).toBeLessThan(8_400);
  });

  it('name their images without the bytes', () => {
    const data = { 'image/png': 'iVBOR'.repeat(1_000), 'text/plain': '<Figure>' };
    const [output] = boundedOutputs([{ output_type: 'display_data', metadata: {}, data }]);
    expect(output.data).toEqual({ 'image/png': '', 'text/plain': '<Figure>' });
  });
});
