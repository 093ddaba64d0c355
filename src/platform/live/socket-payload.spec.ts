import { describe, expect, it } from '@jest/globals';
import { IsString, MaxLength } from 'class-validator';
import { BadRequest, ValidationFailed } from '../../contracts/errors.js';
import { socketPayload } from './socket-payload.js';

class NameDto {
  @IsString()
  @MaxLength(5)
  name: string;
}

describe('socketPayload', () => {
  it('is an instance of the DTO', async () => {
    await expect(socketPayload(NameDto, [{ name: 'ann' }])).resolves.toBeInstanceOf(NameDto);
  });

  it.each([
    ['nothing', []],
    ['null', [null]],
    ['a text', ['name']],
    ['a list', [[{ name: 'ann' }]]],
    ['a wrong type', [{ name: 1 }]],
    ['too much', [{ name: 'abcdef' }]],
    ['an unknown field', [{ name: 'ann', role: 'owner' }]],
    ['a NUL', [{ name: 'a\0' }]],
    ['half a surrogate pair', [{ name: 'a\ud800' }]],
  ])('refuses %s', async (_what, args) => {
    await expect(socketPayload(NameDto, args)).rejects.toThrow(ValidationFailed);
  });

  it.each([
    ['two arguments', [{ name: 'ann' }, {}]],
    ['binary data', [{ name: Buffer.from('ann') }]],
  ])('takes no %s', async (_what, args) => {
    await expect(socketPayload(NameDto, args)).rejects.toThrow(BadRequest);
  });

  it('refuses what is nested without end', async () => {
    let nested: unknown = 'x';
    for (let depth = 0; depth < 10_000; depth++) nested = [nested];
    await expect(socketPayload(NameDto, [{ name: nested }])).rejects.toThrow(ValidationFailed);
  });
});
