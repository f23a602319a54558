// A small server in the manner of Ollama's, for the tests of `generator drift`.
package server

import (
	"net/http"

	"example.org/notes/api"
	"example.org/notes/openai"
	"github.com/gin-gonic/gin"
)

func (s *Server) GenerateRoutes() http.Handler {
	r := gin.Default()
	r.HEAD("/", func(c *gin.Context) { c.String(http.StatusOK, "running") })
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		r.Handle(method, "/api/notes", s.ListHandler)
	}
	r.GET("/api/notes/:note", s.ReadHandler)
	r.POST("/api/write", s.logged("/api/write", s.WriteHandler)...)
	r.POST("/v1/answers", openai.AnswerMiddleware(), s.AnswerHandler)
	r.POST("/api/rename", s.RenameHandler)
	return r
}

func (s *Server) ListHandler(c *gin.Context) {}

func (s *Server) ReadHandler(c *gin.Context) {
	c.JSON(http.StatusNotFound, api.Failure{Error: "no such note"})
	c.JSON(http.StatusOK, api.Note{Title: "one", Author: &api.Author{}})
}

func (s *Server) WriteHandler(c *gin.Context) {
	var req api.WriteRequest
	if err := c.ShouldBindJSON(&req); err != nil {
		return
	}
}

func (s *Server) AnswerHandler(c *gin.Context) {}

func (s *Server) RenameHandler(c *gin.Context) {
	var req api.RenameRequest
	if err := c.ShouldBindJSON(&req); err != nil {
		return
	}
	c.JSON(http.StatusOK, api.RenameReply{Name: req.Name})
}
