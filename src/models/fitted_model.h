/*
 * fitted_model.h
 *		Fitted models as SQL has them: the composite types btyd_model and spend_model.
 *
 *		family			text: bgnbd, mbgnbd, hbgnbd, pareto_nbd; gamma_gamma
 *		params			double precision[]; NULL: not fitted, and the status says why
 *		std_errors		double precision[]; NULLs where there is none
 *		log_likelihood	double precision
 *		customers		bigint: those it was fitted to
 *		iterations		integer
 *		converged		boolean: to an interior maximum
 *		status			text: ok, or what is the matter
 *		correlation		of spend_model only: of x and mean_repeat_value
 *
 * Anybody can make one by hand, so what is read here is checked. Only family and
 * params are needed to predict.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_FITTED_MODEL_H
#define RETENTION_FITTED_MODEL_H

#include "base/compat.h"

#include "math/btyd_fit.h"
#include "fmgr.h"

/* The family of every spend model. */
#define GAMMA_GAMMA		"gamma_gamma"

typedef enum ModelKind
{
	MODEL_BTYD,
	MODEL_SPEND
} ModelKind;

/* A model that was read. */
typedef struct FittedModel
{
	ModelKind	kind;
	bool		has_params;
	int			nparams;
	BtydModel	btyd;			/* a spend model has no family, but its params
								 * here */
} FittedModel;

/* Standard errors of the parameters, as far as they are known. */
typedef struct ModelErrors
{
	bool		known[BTYD_PARAMS];
	double		std_error[BTYD_PARAMS];
} ModelErrors;

extern retention_internal const BtydFamily *btyd_family_arg(FunctionCallInfo fcinfo,
															int argument);
extern retention_internal Datum number_array(const double *numbers,
											 const bool *known, int n);
extern retention_internal const FittedModel *model_arg(FunctionCallInfo fcinfo,
													   int argument,
													   ModelKind kind);
extern retention_internal void model_errors_arg(FunctionCallInfo fcinfo,
												int argument,
												const FittedModel *model,
												ModelErrors *errors);
extern retention_internal const char *model_param_name(const FittedModel *model,
													   int param);
extern retention_internal const char *model_status(const BtydFamily *family,
												   FitOutcome outcome);
extern retention_internal Datum model_datum(FunctionCallInfo fcinfo,
											const BtydFamily *family,
											const ModelFit *fit,
											const char *status,
											const double *correlation);

#endif							/* RETENTION_FITTED_MODEL_H */
