import { applyDecorators } from '@nestjs/common';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { ValidateBy } from 'class-validator';
import { isObject } from '../../../platform/http/dto-instance.js';
import { isUuid } from '../../../platform/http/id.decorator.js';

const MOST_READERS = 1_000;

/** Who may read a collection: the tenant, or the members who are named. */
export type CollectionAccess = 'tenant' | { userIds: string[] };

const USER_IDS = {
  type: 'array',
  items: { type: 'string', format: 'uuid' },
  minItems: 1,
  maxItems: MOST_READERS,
  uniqueItems: true,
} as const;

export const ACCESS_SCHEMA = {
  oneOf: [
    { type: 'string', enum: ['tenant'] },
    {
      type: 'object',
      title: 'CollectionReaders',
      properties: { userIds: USER_IDS },
      required: ['userIds'],
      additionalProperties: false,
    },
  ],
};

/** `"tenant"` or `{"userIds": [...]}`. */
export function IsCollectionAccess(): PropertyDecorator {
  return applyDecorators(
    ApiPropertyOptional({ ...ACCESS_SCHEMA, nullable: true, type: undefined }),
    ValidateBy({
      name: 'isCollectionAccess',
      validator: {
        validate: isAccess,
        defaultMessage: () =>
          `access must be "tenant" or an object whose one field userIds lists 1 to ${MOST_READERS} different users`,
      },
    }),
  );
}

function isAccess(value: unknown): value is CollectionAccess {
  if (value === 'tenant') return true;
  if (!isObject(value) || Object.keys(value).length !== 1 || !Array.isArray(value['userIds'])) return false;
  const ids: unknown[] = value['userIds'];
  const known = new Set(ids.map((id) => (isUuid(id) ? id.toLowerCase() : null)));
  return ids.length >= 1 && ids.length <= MOST_READERS && known.size === ids.length && !known.has(null);
}
