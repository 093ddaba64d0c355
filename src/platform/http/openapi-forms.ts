import type { OpenAPIObject } from '@nestjs/swagger';
import { reference } from './openapi-components.js';

const JSON_TYPE = 'application/json';
const FORM = 'multipart/form-data';

interface Schema {
  type?: string | string[];
  format?: string;
  description?: string;
  properties?: Record<string, Schema>;
}

type Content = Record<string, { schema?: { $ref?: string } } | undefined>;

/**
 * A body that may come as JSON or as a form is one class and two schemas: JSON holds no file, and in a form objects stand
 * as JSON. Changes the document.
 */
export function describeForms({ paths, components }: OpenAPIObject): void {
  const schemas = (components?.schemas ?? {}) as Record<string, Schema>;
  for (const { post } of Object.values(paths)) {
    const content = post?.requestBody && 'content' in post.requestBody ? (post.requestBody.content as Content) : {};
    const name = content[JSON_TYPE]?.schema?.$ref?.split('/').at(-1);
    const schema = name === undefined ? undefined : schemas[name];
    if (name === undefined || !schema || !content[FORM]) continue;
    const formName = name.replace(/(Dto)?$/, 'FormDto');
    const properties = Object.entries(schema.properties ?? {});
    schemas[formName] = {
      ...schema,
      properties: Object.fromEntries(properties.map(([field, of]) => [field, inForm(of)])),
    };
    schemas[name] = {
      ...schema,
      properties: Object.fromEntries(properties.filter(([, { format }]) => format !== 'binary')),
    };
    content[FORM] = { schema: reference('schemas', formName) };
  }
}

function inForm(schema: Schema): object {
  if (![schema.type].flat().includes('object')) return schema;
  return { type: 'string', contentMediaType: JSON_TYPE, description: schema.description };
}
