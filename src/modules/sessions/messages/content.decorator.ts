import { applyDecorators } from '@nestjs/common';
import { ApiProperty, getSchemaPath } from '@nestjs/swagger';
import { Transform, Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsObject, ValidateNested } from 'class-validator';

const WRONG = { message: 'content must be a string or a list of blocks' };

/** A string, which becomes the blocks that `blocksOf` makes of it, or a list of at most 100 of these blocks. */
export function Content<Block extends object>(
  block: new () => Block,
  blocksOf: (text: string) => Block[],
  { isEmptyAllowed }: { isEmptyAllowed: boolean },
): PropertyDecorator {
  const [text, list] = isEmptyAllowed ? [{}, {}] : [{ minLength: 1 }, { minItems: 1 }];
  return applyDecorators(
    ApiProperty({
      // Gives way to `oneOf`; without it the property's own type, a list, would stand around both.
      type: String,
      oneOf: [
        { type: 'string', ...text },
        { type: 'array', items: { $ref: getSchemaPath(block) }, ...list },
      ],
    }),
    Type(() => block),
    Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? blocksOf(value) : value)),
    IsArray(WRONG),
    ArrayMaxSize(100),
    IsObject({ each: true, ...WRONG }),
    ValidateNested({ each: true, ...WRONG }),
  );
}
