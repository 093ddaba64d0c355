import { Injectable } from '@nestjs/common';
import { ValidationFailed, type FieldError } from '../../../contracts/errors.js';
import { MAX_FAULTS } from '../../../platform/http/field-errors.js';
import { ToolInputs } from '../../tools/tool-inputs.js';
import type { ClientToolDto } from '../sessions.dto.js';

interface WithClientTools {
  clientTools?: ClientToolDto[] | null;
}

/** Whether inputs can be held against the schemas that applications give for their tools. */
@Injectable()
export class ClientToolSchemas {
  constructor(private readonly inputs: ToolInputs) {}

  /**
   * Outside of a transaction, since a schema can take seconds. `above` is what the path of a body's fields begins with.
   * @throws ValidationFailed with the faults of all, at `[2].clientTools[0].inputSchema`
   */
  async require(bodies: readonly WithClientTools[], above: (index: number) => string = () => ''): Promise<void> {
    const given = bodies.flatMap(({ clientTools }, body) =>
      (clientTools ?? []).map(({ inputSchema }, index) => ({
        ...{ inputSchema, field: `${above(body)}clientTools[${index}].inputSchema` },
      })),
    );
    if (given.length === 0) return;
    const flaws = await this.inputs.flaws(given.map(({ inputSchema }) => inputSchema));
    const faults = given.flatMap(({ field }, index): FieldError[] => {
      const flaw = flaws[index] ?? null;
      return flaw === null ? [] : [{ field, message: `${field} can not be used as a JSON Schema: ${flaw}` }];
    });
    if (faults.length > 0) throw new ValidationFailed(faults.slice(0, MAX_FAULTS));
  }
}
